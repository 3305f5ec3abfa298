-- Reservations. The record of one is thirteen MessagePack values:
--   status, held at, expires at, amount, feature, entries, answer, settled amount, settled flags, settled answer (false
--   while it is open), keys of the entities' holders (false: none), terms, settled terms (nil: as terms)
-- An answer is remembered as it was given (include/answers.lua), and beside it, as MessagePack values, the terms of its
-- limits. Records of before have neither terms, and their answers are numbers as of a check.
-- entries: one '<BBc8d' kind, holder slot, tag, window start (of a quota, else 0) for each limit it is held on.
-- Of one that is settled only what answers repeats is kept: with up to four limits it is within the 256 bytes up to which
-- Redis packs a hash, and does not unpack the ids beside it.
-- A record's time is its expiry while it is open, then when it was settled: from there the retention counts.
local HELD, COMMITTED, RELEASED, EXPIRED = 1, 2, 3, 4
local STATUS, HELD_AT, EXPIRES_AT, AMOUNT, FEATURE, ENTRIES, ANSWER, SETTLED_AMOUNT, SETTLED_FLAGS, SETTLED_ANSWER, ENTITIES, TERMS, SETTLED_TERMS =
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
local HOLD_BYTES = 18

local function readRecord(known) return { unpackMessage(known.rest) } end
local function packRecord(record) return packMessage(unpack(record, 1, TERMS)) end

local function packSettled(status, feature, answer, amount, settledFlags, settledAnswer, terms, settledTerms)
  if settledTerms == terms then return packMessage(status, 0, 0, 0, feature, '', answer, amount, settledFlags, settledAnswer, false, terms) end
  return packMessage(status, 0, 0, 0, feature, '', answer, amount, settledFlags, settledAnswer, false, terms, settledTerms)
end

-- The terms of the limits in view, or without views those of all in their windows of now, which are always the same.
local function packTerms(set, views0)
  local terms = {}
  for index = 1, set.count do
    local at = 3 * index
    terms[at - 2], terms[at - 1], terms[at] = termsOf(set[index], views0 and views[views0 + index].window or 1)
  end
  return set.count > 0 and packMessage(unpack(terms, 1, 3 * set.count)) or ''
end

-- A remembered answer once more. `answer` is one of those that have a state for each limit.
local function replayHold(status, answerFlags, answer, terms)
  if not terms then return replay(status, answerFlags, { unpackMessage(answer) }) end
  local numbers, values = { 0 }, { unpackMessage(terms) }
  local first = string.byte(answer)
  local plain, at = first == DECIDED_PLAIN or first == SETTLED_PLAIN, first == DECIDED_PLAIN and 2 or 3
  for index = 1, #values, 3 do
    local info, crossings, one, other = 1, 0, nil, nil
    if not plain then info, crossings, at = unpackBytes('<BH', answer, at) end
    one, other, at = unpackBytes('<dd', answer, at)
    for _, number in ipairs({ info, crossings, one, other, values[index], values[index + 1], values[index + 2] }) do numbers[#numbers + 1] = number end
  end
  if at < #answer then numbers[1] = unpackBytes('<d', answer, at) end
  return replay(status, answerFlags, numbers)
end

local function packEntries(set)
  local entries = ''
  for index = 1, set.count do
    local view, limit = views[index], set[index]
    if not view.denies then
      entries = entries .. packBytes('<BBc8d', limit.kind, limit.slot, limit.tag, limit.kind == QUOTA and view.start or 0)
    end
  end
  return entries
end

local function readEntries(record)
  local entries = {}
  for at = 1, #record[ENTRIES], HOLD_BYTES do
    local entry = {}
    entry.kind, entry.slot, entry.tag, entry.start = unpackBytes('<BBc8d', record[ENTRIES], at)
    entries[#entries + 1] = entry
  end
  return entries
end

-- The holder an entry is held on: the customer's, or an entity's by its key.
local function holderOfEntry(holder, record, entry)
  if entry.slot == 0 then return holder end
  return holderOfKey(record[ENTITIES][entry.slot])
end

-- Gives a hold back where its limit is not in view. Refill and giving back commute up to capacity, so the bucket is not
-- refilled here, and spills when it is looked at next, by the capacity in force then; a quota's hold whose window is over touches nothing.
local function undoInSlot(holder, entry, amount)
  local base, numbers = holder.layout.bases[entry.tag], holder.numbers
  if not base then return end
  if entry.kind == BUCKET then
    numbers[base] = numbers[base] + amount
  elseif entry.kind == CONCURRENCY then
    numbers[base] = numbers[base] - 1
  elseif numbers[base] == entry.start then
    numbers[base + RESERVED] = numbers[base + RESERVED] - amount
  end
  holder.dirty = true
end

-- False where the view is in a later window than the hold.
local function undoInView(view, limit, entry, amount)
  if limit.kind == BUCKET then
    view.level = view.level + amount
    if view.level >= limit.capacity then view.level, view.fraction = limit.capacity, 0 end
  elseif limit.kind == CONCURRENCY then
    view.inUse = view.inUse - 1
  elseif entry.start == view.start then
    view.reserved = view.reserved - amount
  else
    return false
  end
  view.changed = true
  return true
end
