-- apply-catalog: applies one small set of edits to the catalog under the next version: objects, index, classes, outbox and version
-- change together or not at all. Sets past one call's bound go through stage-catalog, flip-catalog and fold-catalog.
--
-- KEYS[1]       meta  hash of version, definitions, shards, epoch, stageToken, stageAtMs, foldTotal, folded
-- KEYS[2]       outbox  stream of changes
-- KEYS[3]       classes  hash of customer class -> customers
-- KEYS[4..9]    objects  hash of each type, id -> stored object
-- KEYS[10..15]  index  sorted set of each type's ids
-- KEYS[16..21]  stage  hash of each type, what a dead writer may have left
-- KEYS[22]      stage log  list, as above
--
-- ARGV[1]       version that the edits were made against
-- ARGV[2]       milliseconds after which a stage without a sign of life is given up
-- ARGV[3]       token of the writer, which may hold the catalog (stage-catalog)
-- ARGV[4]       1 when a meter, feature, plan or add-on changes, else 0
-- ARGV[5]       number n of class changes
-- ARGV[6..]     n times: class, change of its count
-- then          per edit: number of the type (1 to 6), id, stored object (empty: delete it), change for the outbox
--
-- Reply:
--   { 1, version }   applied; version is the new one
--   { 0, version }   the catalog is at another version: read, compare and try again
--   { -1, 0 }        another writer holds the catalog: wait
--   { -2, 0 }        a large set is not folded yet: fold it, then try again
--   { -3, 0 }        there is no catalog here

local meta, outbox, classes = KEYS[1], KEYS[2], KEYS[3]
local objectsAt, indexAt, stageAt, stageLog = 3, 9, 15, KEYS[22]
local expected, leaseMs, token = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local definitionsChange, classCount = ARGV[4] == '1', tonumber(ARGV[5])
local firstClass = 6
local firstEdit = firstClass + 2 * classCount
local edits = (#ARGV - firstEdit + 1) / 4

local state = redis.call('HMGET', meta, 'version', 'stageToken', 'stageAtMs', 'foldTotal')
if not state[1] then return { -3, 0 } end
local version = tonumber(state[1])
if state[4] then return { -2, 0 } end
if state[2] and state[2] ~= token then
  local time = redis.call('TIME')
  local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  if nowMs - tonumber(state[3]) < leaseMs then return { -1, 0 } end
end
if version ~= expected then return { 0, version } end
if edits < 1 or edits ~= math.floor(edits) then return redis.error_reply('ERR apply-catalog: edits come in fours') end
for at = firstEdit, #ARGV, 4 do
  local number = tonumber(ARGV[at])
  if not number or number < 1 or number > 6 then return redis.error_reply('ERR apply-catalog: no such type') end
end

if state[2] then
  redis.call('HDEL', meta, 'stageToken', 'stageAtMs')
  redis.call('UNLINK', stageLog)
  for number = 1, 6 do redis.call('UNLINK', KEYS[stageAt + number]) end
end
version = version + 1
local index = 0
for at = firstEdit, #ARGV, 4 do
  local number, id, stored, change = tonumber(ARGV[at]), ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  if stored == '' then
    redis.call('HDEL', KEYS[objectsAt + number], id)
    redis.call('ZREM', KEYS[indexAt + number], id)
  else
    redis.call('HSET', KEYS[objectsAt + number], id, stored)
    redis.call('ZADD', KEYS[indexAt + number], 0, id)
  end
  redis.call('XADD', outbox, '*', 'j', change, 'v', string.format('%d', version), 'i', index, 'n', edits)
  index = index + 1
end
for at = firstClass, firstEdit - 1, 2 do
  if redis.call('HINCRBY', classes, ARGV[at], ARGV[at + 1]) <= 0 then redis.call('HDEL', classes, ARGV[at]) end
end
redis.call('HSET', meta, 'version', string.format('%d', version))
if definitionsChange then redis.call('HSET', meta, 'definitions', string.format('%d', version)) end
return { 1, version }
