-- begin-restore: makes the head of a catalog that is gone, marked as one whose objects are still to come: until the mark is
-- taken away nobody reads it. Changes nothing where there is a catalog.
--
-- KEYS[1]  meta
--
-- ARGV[1]  number of shards
-- ARGV[2]  version to begin at
-- ARGV[3]  epochs up to this one are used, ms since 1970
--
-- Reply:
--   { base, version, nowMs, shards, epoch }  integers; base is the version it began at, -1 where nothing is to be restored

local meta = KEYS[1]
local shards, version, usedEpoch = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local time = redis.call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if redis.call('EXISTS', meta) == 0 then
  local text = string.format('%d', version)
  redis.call('HSET', meta, 'version', text, 'definitions', text, 'shards', string.format('%d', shards),
    'epoch', string.format('%d', math.max(nowMs, usedEpoch + 1)), 'restoring', text)
end
local state = redis.call('HMGET', meta, 'restoring', 'version', 'shards', 'epoch')
return { tonumber(state[1] or '-1'), tonumber(state[2]), nowMs, tonumber(state[3]), tonumber(state[4]) }
