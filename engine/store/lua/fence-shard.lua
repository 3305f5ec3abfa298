-- fence-shard: raises a shard's fence: from here on its commit script answers older catalog versions with `stale`. Never lowers it.
--
-- KEYS[1]  state of the shard  struct '<dd' of epoch and version
--
-- ARGV[1]  catalog version
--
-- Reply:
--   { 1, version }  the version in force on the shard now
--   { 0, 0 }        the shard is uninitialised: it decides nothing, and is not touched

local shardState = KEYS[1]
local version = tonumber(ARGV[1])

local packed = redis.call('GET', shardState)
if not packed then return { 0, 0 } end
local epoch, fenced = struct.unpack('<dd', packed)
if fenced >= version then return { 1, fenced } end
redis.call('SET', shardState, struct.pack('<dd', epoch, version))
return { 1, version }
