-- Remembered ids. An id is the first 16 bytes of a SHA-256 over customer, space and id; it lives in one of 65 536 small
-- hashes chosen by its first two bytes, so that Redis keeps them packed. Value: 'c6' remembered at (ms), 'c8' body, then
-- what the kind needs (checks: the answer; reservations: the record, include/holds.lua).
-- An id older than the retention counts as never seen; the sweep removes it. Only what was admitted is remembered.
local ids, idsOrder = {}, {}

local function beginIds() ids, idsOrder = {}, {} end

local function idsKeyOf(fingerprint)
  local high, low = string.byte(fingerprint, 1, 2)
  return format('%sids:%d', prefix, high * 256 + low)
end

local function recallId(fingerprint)
  local known = ids[fingerprint]
  if known == nil then
    local raw = call('HGET', idsKeyOf(fingerprint), fingerprint)
    if raw then
      local low, high = unpackBytes('<I4H', raw)
      known = { at = high * 4294967296 + low, body = sub(raw, 7, 14), rest = sub(raw, 15) }
    else
      known = false
    end
    ids[fingerprint] = known
  end
  return known
end

local function rememberId(fingerprint, at, body, rest)
  ids[fingerprint] = { at = at, body = body, rest = rest }
  idsOrder[#idsOrder + 1] = fingerprint
end

local function writeIds()
  for _, fingerprint in ipairs(idsOrder) do
    local known = ids[fingerprint]
    if known then
      local high = floor(known.at / 4294967296)
      local value = packBytes('<I4Hc0c0', known.at - high * 4294967296, high, known.body, known.rest)
      call('HSET', idsKeyOf(fingerprint), fingerprint, value)
    end
  end
  return #idsOrder > 0
end
