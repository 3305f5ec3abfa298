-- initialise-shard: makes the state of one shard that has none: of a new catalog, or once its counters are rebuilt. Changes nothing where there is one.
--
-- KEYS[1]  state of the shard  struct '<dd' of epoch and version
--
-- ARGV[1]  epoch, ms since 1970
-- ARGV[2]  catalog version in force; 0 for a new catalog
--
-- Reply:
--   1  made
--   0  it was there

local shardState = KEYS[1]
local epoch, version = tonumber(ARGV[1]), tonumber(ARGV[2])

if redis.call('EXISTS', shardState) == 1 then return 0 end
redis.call('SET', shardState, struct.pack('<dd', epoch, version))
return 1
