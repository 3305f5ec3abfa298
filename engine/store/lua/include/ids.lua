-- Remembered ids. An id is the first 16 bytes of a SHA-256 over customer, space and id; it lives in one of 65 536 small
-- hashes chosen by its first two bytes, so that Redis keeps them packed. Value: 'c6' remembered at (ms), 'c8' body, then
-- what the kind needs (checks: the answer; reservations: the record, include/holds.lua).
-- An id older than the retention counts as never seen; the sweep removes it. Only what was admitted is remembered.
-- Of this call: the values by fingerprint, false where there is none, and which of them are new.
local ids, idsOrder = {}, {}

local function beginIds() ids, idsOrder = {}, {} end

local function idsKeyOf(fingerprint)
  local high, low = byte(fingerprint, 1, 2)
  return format('%sids:%d', prefix, high * 256 + low)
end

local function recallId(fingerprint)
  local raw = ids[fingerprint]
  if raw == nil then
    raw = call('HGET', idsKeyOf(fingerprint), fingerprint)
    ids[fingerprint] = raw
  end
  if not raw then return false end
  local low, high = unpackBytes('<I4H', raw)
  return { at = high * 4294967296 + low, body = sub(raw, 7, 14), rest = sub(raw, 15) }
end

local function rememberId(fingerprint, at, body, rest)
  local low = at % 4294967296
  ids[fingerprint] = packBytes('<I4Hc0c0', low, (at - low) / 4294967296, body, rest)
  idsOrder[#idsOrder + 1] = fingerprint
end

local function writeIds()
  for _, fingerprint in ipairs(idsOrder) do
    local raw = ids[fingerprint]
    if raw then call('HSET', idsKeyOf(fingerprint), fingerprint, raw) end
  end
  return #idsOrder > 0
end
