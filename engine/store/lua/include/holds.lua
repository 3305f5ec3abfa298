-- Reservations. The record of one that is open or has expired:
--   '<Bc3ddHc0Hc0Hc0Hc0B' status, shape, held at, amount, feature, entries, answer, terms, then the entities' holders, each '<Hc0' its key
-- and of one that is settled, where only what answers repeats is kept:
--   '<Bc3c3BdHc0Hc0Hc0Hc0' status, shape, settled shape, flags, amount, feature, answer, settled answer, terms, then with flag
--   128 the settled answer's own '<Hc0' terms
-- An answer is remembered as it was given (include/answers.lua), and beside it its set's shape and, as MessagePack values, the
-- terms of its limits.
-- entries: one '<BBc8d' mark (include/holder.lua), holder slot, tag, window start (of a quota, else 0) for each limit it is held on.
-- A settled one with up to four limits is within the 256 bytes up to which Redis packs a hash, and does not unpack the ids
-- beside it.
-- A record's time is its expiry until it is settled, then when that was: from there the retention counts.
local HELD, COMMITTED, RELEASED, EXPIRED = 17, 18, 19, 20
local HELD_FIELDS = 'Bc3ddHc0Hc0Hc0Hc0B'
local HELD_FORMAT = '<' .. HELD_FIELDS

local readRecord, packHeld, packAgain, rememberSettled, packTerms, replayHold, readEntries, holderOfEntry, slotOf, withoutHold, undoInSlot, undoInView
do
local SETTLED_FIELDS = 'Bc3c3BdHc0Hc0Hc0Hc0'
local OTHER_TERMS = 128
-- Of an answer of 0.1.0: taken to be the one of now.
local SHAPE_UNKNOWN = '\0\0\0'
local HOLD_BYTES = 18

-- Of 0.1.0: the numbers of a replay, as MessagePack.
local function readNumbers(status, packed)
  local numbers, terms = { unpackMessage(packed) }, {}
  local answer = packBytes('<BB', status, 0)
  for index = 2, #numbers, 7 do
    answer = answer .. packBytes('<BHdd', unpack(numbers, index, index + 3))
    for term = index + 4, index + 6 do terms[#terms + 1] = numbers[term] end
  end
  return answer .. packBytes('<d', numbers[1]), #terms > 0 and packMessage(unpack(terms)) or ''
end

-- Of 0.1.0: eleven MessagePack values, the first of them 1 to 4.
local function readOldRecord(record, raw)
  local answer, settledAnswer, entities
  record.status, record.heldAt, record.expiresAt, record.amount, record.feature, record.entries, answer,
    record.settledAmount, record.settledFlags, settledAnswer, entities = unpackMessage(raw)
  record.status, record.entities = record.status + HELD - 1, entities or {}
  record.shape, record.settledShape = SHAPE_UNKNOWN, SHAPE_UNKNOWN
  record.answer, record.terms = readNumbers(DECIDED, answer)
  if settledAnswer then record.settledAnswer, record.settledTerms = readNumbers(SETTLED, settledAnswer) end
  return record
end

function readRecord(known)
  local raw, record, at = known.rest, {}, nil
  local status = byte(raw)
  if status < HELD then return readOldRecord(record, raw) end
  if status == COMMITTED or status == RELEASED then
    record.status, record.shape, record.settledShape, record.settledFlags, record.settledAmount, record.feature, record.answer,
      record.settledAnswer, record.terms, at = unpackBytes('<' .. SETTLED_FIELDS, raw)
    record.settledTerms = record.terms
    if record.settledFlags >= OTHER_TERMS then
      record.settledFlags, record.settledTerms = record.settledFlags - OTHER_TERMS, unpackBytes('<Hc0', raw, at)
    end
    return record
  end
  local count
  record.status, record.shape, record.heldAt, record.amount, record.feature, record.entries, record.answer, record.terms, count, at =
    unpackBytes(HELD_FORMAT, raw)
  record.expiresAt, record.entities = known.at, {}
  for index = 1, count do record.entities[index], at = unpackBytes('<Hc0', raw, at) end
  return record
end

function packHeld(status, shape, heldAt, amount, feature, entries, answer, terms, entities)
  local packed = packBytes(HELD_FORMAT, status, shape, heldAt, amount, #feature, feature, #entries, entries, #answer, answer, #terms, terms, #entities)
  for _, key in ipairs(entities) do packed = packed .. packBytes('<Hc0', #key, key) end
  return packed
end

-- Once more, after its status or its expiry has changed.
function packAgain(record)
  return packHeld(record.status, record.shape, record.heldAt, record.amount, record.feature, record.entries, record.answer, record.terms, record.entities)
end

-- Remembers how a reservation was settled: the id's value in one piece (include/ids.lua).
function rememberSettled(fingerprint, at, body, status, shape, settledShape, feature, answer, amount, settledFlags, settledAnswer, terms, settledTerms)
  local low, isOther = at % 4294967296, settledTerms ~= terms
  if isOther then settledFlags = settledFlags + OTHER_TERMS end
  local raw = packBytes(
    '<I4Hc8' .. SETTLED_FIELDS, low, (at - low) / 4294967296, body, status, shape, settledShape, settledFlags, amount, #feature, feature, #answer, answer,
    #settledAnswer, settledAnswer, #terms, terms
  )
  rememberRaw(fingerprint, isOther and raw .. packBytes('<Hc0', #settledTerms, settledTerms) or raw)
end

-- The terms of the limits in view, or without views those of all in their windows of now, which are always the same.
function packTerms(set, views0)
  local terms = {}
  for index = 1, set.count do
    local at = 3 * index
    terms[at - 2], terms[at - 1], terms[at] = termsOf(set[index], views0 and views[views0 + index].window or 1)
  end
  return set.count > 0 and packMessage(unpack(terms, 1, 3 * set.count)) or ''
end

-- A remembered answer once more. `answer` is one of those that have a state for each limit; under other limits they are left out.
function replayHold(status, answerFlags, answer, terms, shape, set)
  local numbers, values, expiresAt = {}, { unpackMessage(terms) }, 0
  local first = byte(answer)
  local plain, at = first == DECIDED_PLAIN or first == SETTLED_PLAIN, first == DECIDED_PLAIN and 2 or 3
  for index = 1, #values, 3 do
    local info, crossings, one, other = 1, 0, nil, nil
    if not plain then info, crossings, at = unpackBytes('<BH', answer, at) end
    one, other, at = unpackBytes('<dd', answer, at)
    for _, number in ipairs({ info, crossings, one, other, values[index], values[index + 1], values[index + 2] }) do numbers[#numbers + 1] = number end
  end
  if at < #answer then expiresAt = unpackBytes('<d', answer, at) end
  if shape ~= set.shape and shape ~= SHAPE_UNKNOWN then numbers = {} end
  return replay(status, answerFlags, expiresAt, numbers)
end

function readEntries(record)
  local entries = {}
  for at = 1, #record.entries, HOLD_BYTES do
    local entry = {}
    entry.mark, entry.slot, entry.tag, entry.start = unpackBytes('<BBc8d', record.entries, at)
    entry.kind = entry.mark % 4
    entries[#entries + 1] = entry
  end
  return entries
end

-- The holder an entry is held on: the customer's, or an entity's by its key.
function holderOfEntry(holder, record, entry)
  if entry.slot == 0 then return holder end
  return holderOfKey(record.entities[entry.slot])
end

-- Where the numbers of an entry's limit are; nil where it has been defined anew since.
function slotOf(holder, entry)
  local layout = holder.layout
  return layout.marks[entry.tag] == entry.mark and layout.bases[entry.tag] or nil
end

-- What stays reserved without a hold. A counter that has less was begun anew since, by another definition in between, and never
-- held it: it is left alone.
function withoutHold(reserved, amount) return reserved >= amount and reserved - amount or reserved end

-- Gives a hold back where its limit is not in view. Refill and giving back commute up to capacity, so the bucket is not
-- refilled here, and spills when it is looked at next, by the capacity in force then; a quota's hold whose window is over touches nothing.
function undoInSlot(holder, entry, amount)
  local base, numbers = slotOf(holder, entry), holder.numbers
  if not base then return end
  if entry.kind == BUCKET then
    numbers[base] = numbers[base] + amount
  elseif entry.kind == CONCURRENCY then
    numbers[base] = max(numbers[base] - 1, 0)
  elseif numbers[base] == entry.start then
    numbers[base + RESERVED] = withoutHold(numbers[base + RESERVED], amount)
  end
  holder.dirty = true
end

-- False where the view is in a later window than the hold.
function undoInView(view, limit, entry, amount)
  if limit.kind == BUCKET then
    view.level = view.level + amount
    if view.level >= limit.capacity then view.level, view.fraction = limit.capacity, 0 end
  elseif limit.kind == CONCURRENCY then
    view.inUse = max(view.inUse - 1, 0)
  elseif entry.start == view.start then
    view.reserved = withoutHold(view.reserved, amount)
  else
    return false
  end
  view.changed = true
  return true
end
end
