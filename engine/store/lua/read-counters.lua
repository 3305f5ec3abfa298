-- read-counters: reads counters together with the place in the outbox that they stand for, in one atomic step: what was
-- charged up to the outbox's last id is in them, what comes after it is not. Writes nothing.
--
-- KEYS[1]   state    string '<dd' epoch, catalog version in force; absent: the shard is uninitialised
-- KEYS[2]   outbox   stream
-- KEYS[3…]  holders  strings (include/holder.lua); on a cluster one key more, which is never there: nothing is read of a
--                    slot that is being moved (store/keys.ts)
--
-- Reply:
--   {}                                     the shard is uninitialised
--   { epoch, clock, id, holder, holder … } epoch and clock (ms) as text, the outbox's last id, then each holder or nil

local function lastId(outbox)
  if redis.call('EXISTS', outbox) == 0 then return '0-0' end
  local info = redis.call('XINFO', 'STREAM', outbox)
  for at = 1, #info, 2 do
    if info[at] == 'last-generated-id' then return info[at + 1] end
  end
  return redis.error_reply('ERR the outbox tells no last id')
end

local function readCounters(KEYS)
  local state, outbox = KEYS[1], KEYS[2]
  local raw = redis.call('GET', state)
  if not raw then return {} end
  local id = lastId(outbox)
  if type(id) == 'table' then return id end
  local time = redis.call('TIME')
  local reply = { string.format('%.0f', (struct.unpack('<d', raw))), string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), id }
  for at = 3, #KEYS do reply[at + 1] = redis.call('GET', KEYS[at]) end
  return reply
end

redis.register_function('read_counters', readCounters)
