-- raise-catalog: takes the catalog past a version that a shard insists on, where it is behind it: a failover has lost the
-- changes that led there, and whoever has seen them must read anew. Changes nothing where the catalog is as far.
--
-- KEYS[1]  meta
--
-- ARGV[1]  version of the shard's fence
--
-- Reply:
--   the version in force

local meta = KEYS[1]
local fenced = tonumber(ARGV[1])

local version = tonumber(redis.call('HGET', meta, 'version'))
if version >= fenced then return version end
version = fenced + 1
local text = string.format('%d', version)
redis.call('HSET', meta, 'version', text, 'definitions', text)
return version
