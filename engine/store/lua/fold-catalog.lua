-- fold-catalog: moves a part of the overlay into the objects and writes its changes to the outbox. Any process may do the next part,
-- so that a writer's death leaves nothing undone. Readers see the same before and after.
--
-- KEYS[1]       meta
-- KEYS[2]       outbox
-- KEYS[3]       fold log  list of (number of the type, id, change)
-- KEYS[4..9]    objects  hash of each type
-- KEYS[10..15]  index  sorted set of each type's ids
-- KEYS[16..21]  overlay  hash of each type
--
-- ARGV[1]       most edits to move, at most 1 000
--
-- Reply:
--   { 1, left }   moved; left is how many edits remain (0: the overlay is gone)
--   { 0, 0 }      there is nothing to fold

local meta, outbox, foldLog = KEYS[1], KEYS[2], KEYS[3]
local objectsAt, indexAt, overlayAt = 3, 9, 15
local count = tonumber(ARGV[1])

local state = redis.call('HMGET', meta, 'foldTotal', 'folded', 'version')
if not state[1] then return { 0, 0 } end
local total, index, version = tonumber(state[1]), tonumber(state[2]), state[3]

-- Few commands with many arguments: a command costs Lua more than its work costs Redis.
local entries = redis.call('LPOP', foldLog, 3 * count) or {}
local ids = { {}, {}, {}, {}, {}, {} }
for at = 1, #entries, 3 do
  local ofType = ids[tonumber(entries[at])]
  ofType[#ofType + 1] = entries[at + 1]
end
for number = 1, 6 do
  local fields, scores, gone = {}, {}, {}
  local stored = #ids[number] > 0 and redis.call('HMGET', KEYS[overlayAt + number], unpack(ids[number])) or {}
  for at, id in ipairs(ids[number]) do
    if stored[at] == '' then
      gone[#gone + 1] = id
    else
      fields[#fields + 1] = id
      fields[#fields + 1] = stored[at]
      scores[#scores + 1] = 0
      scores[#scores + 1] = id
    end
  end
  if #fields > 0 then
    redis.call('HSET', KEYS[objectsAt + number], unpack(fields))
    redis.call('ZADD', KEYS[indexAt + number], unpack(scores))
  end
  if #gone > 0 then
    redis.call('HDEL', KEYS[objectsAt + number], unpack(gone))
    redis.call('ZREM', KEYS[indexAt + number], unpack(gone))
  end
end
for at = 3, #entries, 3 do
  redis.call('XADD', outbox, '*', 'j', entries[at], 'v', version, 'i', index, 'n', total)
  index = index + 1
end
if index < total then
  redis.call('HSET', meta, 'folded', string.format('%d', index))
else
  redis.call('HDEL', meta, 'foldTotal', 'folded')
  redis.call('UNLINK', foldLog)
  for number = 1, 6 do redis.call('UNLINK', KEYS[overlayAt + number]) end
end
return { 1, total - index }
