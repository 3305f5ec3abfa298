-- read-catalog: reads whole types of the catalog as they are at one version. For types that fit a reply: not for customers.
--
-- KEYS[1]   meta
-- KEYS[2]   outbox
-- KEYS[3]   classes  hash of customer class -> customers
-- KEYS[4..] pairs, per type: objects, overlay
--
-- ARGV[1]   1 to read the classes too, else 0
--
-- Reply:
--   {}                                        there is no catalog here, or it is being restored
--   { version, definitions, epoch, shards, nowMs, last outbox id, folding, classes, type, type … }
--             numbers and ids as text; classes and each type as a flat list of field and value

local meta, outbox, classes, firstType = KEYS[1], KEYS[2], KEYS[3], 4
local withClasses = ARGV[1] == '1'

local state = redis.call('HMGET', meta, 'version', 'definitions', 'epoch', 'shards', 'foldTotal', 'restoring')
if not state[1] or state[6] then return {} end
local time = redis.call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local lastId = '0-0'
if redis.call('EXISTS', outbox) == 1 then
  local facts = redis.call('XINFO', 'STREAM', outbox)
  for at = 1, #facts, 2 do
    if facts[at] == 'last-generated-id' then lastId = facts[at + 1] end
  end
end

local folding = state[5] and '1' or '0'
local reply = { state[1], state[2], state[3], state[4], string.format('%d', nowMs), lastId, folding, {} }
if withClasses then reply[8] = redis.call('HGETALL', classes) end
for at = firstType, #KEYS, 2 do
  local flat = redis.call('HGETALL', KEYS[at])
  if state[5] then
    local overlay = redis.call('HGETALL', KEYS[at + 1])
    if #overlay > 0 then
      local merged = {}
      for field = 1, #flat, 2 do merged[flat[field]] = flat[field + 1] end
      for field = 1, #overlay, 2 do merged[overlay[field]] = overlay[field + 1] end
      flat = {}
      for id, stored in pairs(merged) do
        if stored ~= '' then
          flat[#flat + 1] = id
          flat[#flat + 1] = stored
        end
      end
    end
  end
  reply[#reply + 1] = flat
end
return reply
