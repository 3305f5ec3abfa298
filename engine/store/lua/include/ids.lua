-- Remembered ids. An id is the first 16 bytes of a SHA-256 over customer, space and id; it lives in one of 65 536 small
-- hashes chosen by its first two bytes, so that Redis keeps them packed. Value: 'c6' remembered at (ms), 'c8' body, then
-- what the kind needs (checks: the answer; reservations: the record, include/holds.lua).
-- An id older than the retention counts as never seen; the sweep removes it. Only what was admitted is remembered.
-- Of this call: the values by fingerprint, false where there is none, and which of them are new.
local ids, idsOrder = {}, {}

local beginIds, recallId, rememberRaw, rememberId, writeIds
do
-- Numbers below 656, and those of two digits with a zero before them: spelling out the number of a bucket costs thrice as much.
local spelled, padded = {}, {}

function beginIds() ids, idsOrder = {}, {} end

local function idsKeyOf(fingerprint)
  if #spelled == 0 then
    for number = 1, 655 do spelled[number] = format('%d', number) end
    for number = 0, 99 do padded[number] = format('%02d', number) end
  end
  local high, low = byte(fingerprint, 1, 2)
  local bucket = high * 256 + low
  local rest = bucket % 100
  if bucket < 100 then return format('%sids:%d', prefix, bucket) end
  return prefix .. 'ids:' .. spelled[(bucket - rest) / 100] .. padded[rest]
end

function recallId(fingerprint)
  local raw = ids[fingerprint]
  if raw == nil then
    raw = call('HGET', idsKeyOf(fingerprint), fingerprint)
    ids[fingerprint] = raw
  end
  if not raw then return false end
  local low, high = unpackBytes('<I4H', raw)
  return { at = high * 4294967296 + low, body = sub(raw, 7, 14), rest = sub(raw, 15) }
end

function rememberRaw(fingerprint, raw)
  ids[fingerprint] = raw
  idsOrder[#idsOrder + 1] = fingerprint
end

function rememberId(fingerprint, at, body, rest)
  local low = at % 4294967296
  rememberRaw(fingerprint, packBytes('<I4Hc0c0', low, (at - low) / 4294967296, body, rest))
end

function writeIds()
  for _, fingerprint in ipairs(idsOrder) do
    local raw = ids[fingerprint]
    if raw then call('HSET', idsKeyOf(fingerprint), fingerprint, raw) end
  end
  return #idsOrder > 0
end
end
