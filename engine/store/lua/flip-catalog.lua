-- flip-catalog: makes a staged set of edits visible at once: from here on readers look into the overlay before the objects, and the
-- version is the next one. The cost does not depend on the size of the set. fold-catalog then empties the overlay.
--
-- KEYS[1]      meta
-- KEYS[2]      classes  hash of customer class -> customers
-- KEYS[3]      stage log
-- KEYS[4]      fold log  the list the stage log becomes
-- KEYS[5..10]  stage  hash of each type
-- KEYS[11..16] overlay  hash of each type, which the stage becomes
--
-- ARGV[1]      token of the writer
-- ARGV[2]      version that the edits were made against
-- ARGV[3]      number of edits that were staged
-- ARGV[4]      1 when a meter, feature, plan or add-on changes, else 0
-- ARGV[5..]    pairs: class, change of its count
--
-- Reply:
--   { 1, version }   in force; version is the new one
--   { 0, version }   the catalog is at another version: begin again
--   { -3, 0 }        there is no catalog here
--   { -4, 0 }        the stage was given up as dead and taken, or is not whole: begin again

local meta, classes, stageLog, foldLog = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local stageAt, overlayAt = 4, 10
local token, expected, edits, definitionsChange = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'

local state = redis.call('HMGET', meta, 'version', 'stageToken', 'foldTotal')
if not state[1] then return { -3, 0 } end
local version = tonumber(state[1])
if version ~= expected then return { 0, version } end
if state[2] ~= token or state[3] or redis.call('LLEN', stageLog) ~= edits * 3 then return { -4, 0 } end

version = version + 1
redis.call('RENAME', stageLog, foldLog)
for number = 1, 6 do
  if redis.call('EXISTS', KEYS[stageAt + number]) == 1 then
    redis.call('RENAME', KEYS[stageAt + number], KEYS[overlayAt + number])
  end
end
for at = 5, #ARGV, 2 do
  if redis.call('HINCRBY', classes, ARGV[at], ARGV[at + 1]) <= 0 then redis.call('HDEL', classes, ARGV[at]) end
end
redis.call('HDEL', meta, 'stageToken', 'stageAtMs')
redis.call('HSET', meta, 'version', string.format('%d', version), 'foldTotal', string.format('%d', edits), 'folded', '0')
if definitionsChange then redis.call('HSET', meta, 'definitions', string.format('%d', version)) end
return { 1, version }
