-- stage-catalog: holds the catalog for one writer, and puts a part of a large set of edits beside it, where no reader
-- sees them. While the holder gives signs of life other writers wait, so that a large set is not starved by small ones.
--
-- KEYS[1]     meta
-- KEYS[2]     stage log  list of (number of the type, id, change), in the order of the outbox
-- KEYS[3..8]  stage  hash of each type, id -> stored object (empty: delete it)
--
-- ARGV[1]     token of the writer
-- ARGV[2]     begin: take hold, with an empty stage; add: go on, or only give a sign of life; drop: let go
-- ARGV[3]     version that the edits were made against
-- ARGV[4]     milliseconds after which a stage without a sign of life is given up
-- ARGV[5..]   per edit, at most 1 000 of them: number of the type, id, stored object, change for the outbox
--
-- Reply:
--   { 1, edits }     done; edits is how many are staged by now
--   { 0, version }   the catalog is at another version: read, compare and try again
--   { -1, 0 }        another writer holds the catalog: wait
--   { -2, 0 }        a large set is not folded yet: fold it, then try again
--   { -3, 0 }        there is no catalog here
--   { -4, 0 }        this writer does not hold the catalog (any more): begin again

local meta, stageLog, stageAt = KEYS[1], KEYS[2], 2
local token, step, expected, leaseMs = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local firstEdit = 5
local edits = (#ARGV - firstEdit + 1) / 4

local state = redis.call('HMGET', meta, 'version', 'stageToken', 'stageAtMs', 'foldTotal')
if not state[1] then return { -3, 0 } end
local version = tonumber(state[1])
if state[4] then return { -2, 0 } end
local time = redis.call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if step == 'begin' then
  if state[2] and state[2] ~= token and nowMs - tonumber(state[3]) < leaseMs then return { -1, 0 } end
elseif state[2] ~= token then
  return { -4, 0 }
end
if version ~= expected and step ~= 'drop' then return { 0, version } end
if edits ~= math.floor(edits) then return redis.error_reply('ERR stage-catalog: edits come in fours') end
for at = firstEdit, #ARGV, 4 do
  local number = tonumber(ARGV[at])
  if not number or number < 1 or number > 6 then return redis.error_reply('ERR stage-catalog: no such type') end
end

if step ~= 'add' then
  redis.call('UNLINK', stageLog)
  for number = 1, 6 do redis.call('UNLINK', KEYS[stageAt + number]) end
end
if step == 'drop' then
  redis.call('HDEL', meta, 'stageToken', 'stageAtMs')
  return { 1, 0 }
end
redis.call('HSET', meta, 'stageToken', token, 'stageAtMs', string.format('%d', nowMs))
-- Few commands with many arguments: a command costs Lua more than its work costs Redis.
local fields, log = { {}, {}, {}, {}, {}, {} }, {}
for at = firstEdit, #ARGV, 4 do
  local ofType = fields[tonumber(ARGV[at])]
  ofType[#ofType + 1] = ARGV[at + 1]
  ofType[#ofType + 1] = ARGV[at + 2]
  log[#log + 1] = ARGV[at]
  log[#log + 1] = ARGV[at + 1]
  log[#log + 1] = ARGV[at + 3]
end
for number = 1, 6 do
  if #fields[number] > 0 then redis.call('HSET', KEYS[stageAt + number], unpack(fields[number])) end
end
if #log > 0 then redis.call('RPUSH', stageLog, unpack(log)) end
return { 1, redis.call('LLEN', stageLog) / 3 }
