-- Where open holds stand.
-- A customer's first open holds are at hand: behind its numbers, each '<c16dc8Hc0' fingerprint, expires at, body, record.
-- Read and written with them, they cost no call of their own. Further ones, and all that are over, stand among the
-- remembered ids (space "reservation"); of those that are open there, h:<customer> is a sorted set by expiry. What was
-- put there stays there until it is over.
-- Customers with open holds stand in the set `holds` by the earliest expiry, for the sweep.
-- Of the sorted sets of this call.
local holdCommands = {}
local beginHolds, findOpen, recallHold, openHold, standElsewhere, leaveElsewhere, closeHold, expireHolds, writeHolds
local HOLDS_AT_HAND_MAX, OPEN_HEAD_BYTES = 8, 34
do
local EXPIRED_HOLDS_PER_OPERATION_MAX = 64
local OPEN_FORMAT = '<c16dc8Hc0'
local atHand = {}

function beginHolds() holdCommands = {} end

local function customerOf(key) return sub(key, #prefix + 3) end
local function holdsKeyOf(key) return prefix .. 'h:' .. customerOf(key) end

local function moveExpiry(holder, expiresAt)
  holder.nextExpiry, holder.dirty, holder.expiryMoved = expiresAt, true, true
end

-- Where a hold stands among those at hand, which are the end of a text, and where the next one does; nil, nil and how
-- many there are.
function findOpen(text, at, fingerprint)
  local size, count = #text, 0
  while at < size do
    local low, high = byte(text, at + 32, at + 33)
    local after = at + OPEN_HEAD_BYTES + low + 256 * high
    if sub(text, at, at + 15) == fingerprint then return at, after end
    at, count = after, count + 1
  end
  return nil, nil, count
end

local function cutOpen(holder, at, after)
  local rest = sub(holder.open, after)
  holder.open, holder.dirty = at == 1 and rest or sub(holder.open, 1, at - 1) .. rest, true
end

-- A reservation as recallId gives it, wherever it is. One at hand is good until the next is recalled.
function recallHold(holder, fingerprint)
  if holder.open == '' then return recallId(fingerprint) end
  local at, after = findOpen(holder.open, 1, fingerprint)
  if not at then return recallId(fingerprint) end
  local _, expiresAt, body, record = unpackBytes(OPEN_FORMAT, holder.open, at)
  atHand.at, atHand.body, atHand.rest, atHand.openAt, atHand.openEnd = expiresAt, body, record, at, after
  return atHand
end

-- A hold that is not at hand, and one no longer.
function standElsewhere(key, fingerprint, expiresAt, body, record)
  rememberId(fingerprint, expiresAt, body, record)
  holdCommands[#holdCommands + 1] = { 'ZADD', holdsKeyOf(key), format('%d', expiresAt), fingerprint }
end

function leaveElsewhere(key, fingerprint) holdCommands[#holdCommands + 1] = { 'ZREM', holdsKeyOf(key), fingerprint } end

-- Writes an open hold down, a new one or one that was `known`.
function openHold(holder, fingerprint, expiresAt, body, record, known)
  local at, after, count = findOpen(holder.open, 1, fingerprint)
  if at then cutOpen(holder, at, after) end
  if at or not known and count < HOLDS_AT_HAND_MAX then
    local packed = packBytes(OPEN_FORMAT, fingerprint, expiresAt, body, #record, record)
    holder.open, holder.dirty = holder.open == '' and packed or holder.open .. packed, true
  else
    standElsewhere(holder.key, fingerprint, expiresAt, body, record)
    holder.opened = min(holder.opened or expiresAt, expiresAt)
  end
  if holder.nextExpiry == 0 or expiresAt < holder.nextExpiry then moveExpiry(holder, expiresAt) end
end

-- Takes a hold away, which is as it was recalled just before.
function closeHold(holder, fingerprint, known)
  if known.openAt then
    cutOpen(holder, known.openAt, known.openEnd)
  else
    leaveElsewhere(holder.key, fingerprint)
  end
end

local function byExpiry(one, other) return one.at < other.at end

-- The holds at hand that are due, and the earliest expiry of the others (0: none).
local function dueAtHand(holder, at)
  local due, later, from, open = {}, 0, 1, holder.open
  while from < #open do
    local hold = { atHand = true }
    hold.fingerprint, hold.at, hold.body, hold.rest, from = unpackBytes(OPEN_FORMAT, open, from)
    if hold.at <= at then
      due[#due + 1] = hold
    elseif later == 0 or hold.at < later then
      later = hold.at
    end
  end
  return due, later
end

local function expire(holder, hold)
  local known = hold.atHand and hold or recallId(hold.fingerprint)
  local record = known and readRecord(known)
  if record and record.status == HELD then
    for _, entry in ipairs(readEntries(record)) do undoInSlot(holderOfEntry(holder, record, entry), entry, record.amount) end
    record.status = EXPIRED
    rememberId(hold.fingerprint, record.expiresAt, known.body, packAgain(record))
  end
  if hold.atHand then
    cutOpen(holder, findOpen(holder.open, 1, hold.fingerprint))
  else
    leaveElsewhere(holder.key, hold.fingerprint)
  end
end

-- Holds that have reached their expiry are undone before the next operation, oldest first.
function expireHolds(holder, at)
  if holder.nextExpiry == 0 or holder.nextExpiry > at then return end
  local due, nextExpiry = dueAtHand(holder, at)
  local elsewhere = call('ZRANGEBYSCORE', holdsKeyOf(holder.key), '-inf', format('%d', at), 'WITHSCORES', 'LIMIT', 0, EXPIRED_HOLDS_PER_OPERATION_MAX + 1)
  for index = 1, #elsewhere, 2 do due[#due + 1] = { fingerprint = elsewhere[index], at = tonumber(elsewhere[index + 1]) } end
  table.sort(due, byExpiry)
  for index = 1, min(#due, EXPIRED_HOLDS_PER_OPERATION_MAX) do expire(holder, due[index]) end
  local left = due[EXPIRED_HOLDS_PER_OPERATION_MAX + 1]
  if left then
    nextExpiry = left.at
  else
    local later = call('ZRANGEBYSCORE', holdsKeyOf(holder.key), '(' .. format('%d', at), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    local opened = min(tonumber(later[2]) or NEVER, holder.opened or NEVER)
    if opened < NEVER and (nextExpiry == 0 or opened < nextExpiry) then nextExpiry = opened end
  end
  moveExpiry(holder, nextExpiry)
end

local function writeExpiry(key, expiresAt)
  if expiresAt == 0 then
    call('ZREM', prefix .. 'holds', customerOf(key))
  else
    call('ZADD', prefix .. 'holds', format('%d', expiresAt), customerOf(key))
  end
end

function writeHolds()
  for _, command in ipairs(holdCommands) do call(unpack(command)) end
  eachExpiryMoved(writeExpiry)
  return #holdCommands > 0
end
end
