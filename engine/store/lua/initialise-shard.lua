-- initialise-shard: makes the state of one shard of a new catalog, at version 0. Changes nothing where there is one.
--
-- KEYS[1]  state of the shard  struct '<dd' of epoch and version
--
-- ARGV[1]  epoch of the catalog, ms since 1970
--
-- Reply:
--   1  made
--   0  it was there

local shardState = KEYS[1]
local epoch = tonumber(ARGV[1])

if redis.call('EXISTS', shardState) == 1 then return 0 end
redis.call('SET', shardState, struct.pack('<dd', epoch, 0))
return 1
