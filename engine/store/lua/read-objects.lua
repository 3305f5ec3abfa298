-- read-objects: reads some objects of one type as they are at one version.
--
-- KEYS[1]  meta
-- KEYS[2]  objects of the type
-- KEYS[3]  overlay of the type
--
-- ARGV     ids, at most some hundred
--
-- Reply:
--   {}                             there is no catalog here, or it is being restored
--   { version, stored, stored … }  the version as text; nil where there is no such object

local meta, objects, overlay = KEYS[1], KEYS[2], KEYS[3]

local state = redis.call('HMGET', meta, 'version', 'foldTotal', 'restoring')
if not state[1] or state[3] then return {} end
local reply = { state[1] }
for at, id in ipairs(ARGV) do
  local stored = state[2] and redis.call('HGET', overlay, id)
  if not stored then stored = redis.call('HGET', objects, id) end
  reply[at + 1] = stored ~= '' and stored
end
return reply
