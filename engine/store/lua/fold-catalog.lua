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
-- ARGV[1]       most edits to move
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

for _ = 1, math.min(count, total - index) do
  local entry = redis.call('LPOP', foldLog, 3)
  local number, id, change = tonumber(entry[1]), entry[2], entry[3]
  local stored = redis.call('HGET', KEYS[overlayAt + number], id)
  if stored == '' then
    redis.call('HDEL', KEYS[objectsAt + number], id)
    redis.call('ZREM', KEYS[indexAt + number], id)
  else
    redis.call('HSET', KEYS[objectsAt + number], id, stored)
    redis.call('ZADD', KEYS[indexAt + number], 0, id)
  end
  redis.call('XADD', outbox, '*', 'j', change, 'v', version, 'i', index, 'n', total)
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
