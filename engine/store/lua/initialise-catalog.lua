-- initialise-catalog: makes an empty catalog, marked as one whose shards are still to be made. Changes nothing where there is one.
--
-- KEYS[1]  meta
--
-- ARGV[1]  number of shards
--
-- Reply:
--   { created, version, shards, epoch, initialising }  integers; created and initialising are 1 or 0

local meta = KEYS[1]
local shards = tonumber(ARGV[1])

local created = 0
if redis.call('EXISTS', meta) == 0 then
  local time = redis.call('TIME')
  local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  redis.call('HSET', meta, 'version', '0', 'definitions', '0', 'shards', string.format('%d', shards),
    'epoch', string.format('%d', nowMs), 'initialising', '1')
  created = 1
end
local state = redis.call('HMGET', meta, 'version', 'shards', 'epoch', 'initialising')
return { created, tonumber(state[1]), tonumber(state[2]), tonumber(state[3]), state[4] and 1 or 0 }
