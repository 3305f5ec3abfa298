-- The short ways. Of a plain check: no id, no entity, one clock, every limit known to the holder and admitting, no window
-- turning, no warning crossed. It is what nearly all checks are, and a small part of the work of the long way.
-- Of a reservation by limits alone, and its commit: in addition the id is new, or its hold open, on the same limits in
-- the same windows, and nobody's hold is due.
-- Of a check under an id: in addition the id is new.
-- Of a check or an event of an entity: on each of its holders as on the customer's.
-- Of an event: as of a check, but past every cap; and its id is new, and each quota's window the one of now, in which it happened.
-- Each is decided by a function that was compiled for its limits (include/compile.lua).
-- Whatever is not so returns nil, before anything is touched, and goes the long way; so does a holder that the long way
-- has opened in this call.
local decideShort, checkOnceShort, reserveShort, commitShort, recordShort, nestedShort
do
local NO_ENTITIES = {}
-- RECORDED, without flags.
local RECORDED_PLAIN = '\2\0'

-- The way of a set on a holder's string, whose directory stands behind its head; false where there is none.
local function wayFor(ways, set, raw)
  local low, high = byte(raw, 17, 18)
  local directory = sub(raw, HEAD_BYTES + 1, HEAD_BYTES + low + 256 * high)
  local way = ways[directory]
  if way == nil then
    way = wayOf(ways.name, set, directory)
    ways[directory] = way
    wayAdded()
  end
  return way
end

function decideShort(holderIndex, startsAt, endsAt, head, setIndex, amount, partFlags)
  local at = now
  if at < startsAt or at >= endsAt then return nil end
  local place, set = 5 + holderIndex, sets[setIndex + 1]
  local raw = values[place]
  local way = raw and wayFor(set.check, set, raw)
  if not way then return nil end
  local next, answer, fact = way.run(raw, at, amount, way.ends > #raw and '' or sub(raw, way.ends), head, setIndex, partFlags)
  if not next then return nil end
  rewrite(place, next)
  factGroups[#factGroups + 1] = fact
  return answer
end

-- What packStates would remember of an answer in the windows of now.
-- @param numbers two for each limit, from `first` on.
local function statesOf(set, numbers, first)
  local states = set.statesOfNow
  if not states then
    states = {}
    for index = 1, set.count do
      local at = 7 * index - 6
      states[at], states[at + 1] = 1, 0
      states[at + 4], states[at + 5], states[at + 6] = termsOf(set[index], 1)
    end
    set.statesOfNow = states
  end
  for index = 1, set.count do
    states[7 * index - 4], states[7 * index - 3] = numbers[first + 2 * index - 2], numbers[first + 2 * index - 1]
  end
  return set.count > 0 and set.shape .. packMessage(unpack(states, 1, 7 * set.count)) or set.shape
end

-- Whether a check's dates and its id, if it has one, leave it to the short way.
local function isUsual(operation)
  if operation.gate ~= GATE_OPEN or now < operation.startsAt or now >= operation.endsAt then return false end
  return operation.idMode == 0 or not idsFull and not recallId(operation.fingerprint)
end

function checkOnceShort(operation)
  local at, place, set = now, 5 + operation.holder, sets[operation[1] + 1]
  local raw = values[place]
  local way = raw and wayFor(set.check, set, raw)
  if not way or not isUsual(operation) then return nil end
  local results = { way.run(raw, at, operation[2], way.ends > #raw and '' or sub(raw, way.ends), operation.head, operation[1], operation[3]) }
  local next = results[1]
  if not next then return nil end
  rewrite(place, next)
  rememberId(operation.fingerprint, at, operation.body, statesOf(set, results, 4))
  factGroups[#factGroups + 1] = results[3]
  return results[2]
end

-- The entries of a hold on all limits of a set in their windows of now: always the same.
local function entriesOf(set)
  local entries = set.holdEntries
  if not entries then
    entries = ''
    for index = 1, set.count do
      local limit = set[index]
      entries = entries .. packBytes('<BBc8d', limit.kind, limit.slot, limit.tag, limit.kind == QUOTA and limit.start or 0)
    end
    set.holdEntries = entries
  end
  return entries
end

-- Terms of all limits of a set in their windows of now: always the same.
local function shortTermsOf(set)
  local terms = set.terms
  if not terms then
    terms = packTerms(set)
    set.terms = terms
  end
  return terms
end

function reserveShort(holderIndex, startsAt, endsAt, setIndex, amount, fingerprint, body, ttl, feature)
  local at = now
  if at < startsAt or at >= endsAt or idsFull then return nil end
  local place, set = 5 + holderIndex, sets[setIndex + 1]
  local raw = values[place]
  local way = raw and wayFor(set.reserve, set, raw)
  if not way then return nil end
  local isKnown, _, count = findOpen(raw, way.ends, fingerprint)
  if isKnown or recallId(fingerprint) then return nil end
  local expiresAt, atHand = at + ttl, count < HOLDS_AT_HAND_MAX
  local entries, terms = entriesOf(set), shortTermsOf(set)
  local next, answer, moves = way.run(
    raw, at, amount, way.ends > #raw and '' or sub(raw, way.ends), atHand, fingerprint, body, expiresAt, feature, entries, terms
  )
  if not next then return nil end
  if not atHand then
    standElsewhere(keys[place], fingerprint, expiresAt, body, packHeld(HELD, set.shape, at, amount, feature, entries, answer, terms, NO_ENTITIES))
  end
  rewrite(place, next, moves and expiresAt or nil, not atHand and expiresAt or nil)
  return answer
end

function commitShort(holderIndex, head, setIndex, amount, partFlags, fingerprint, feature)
  local at, place, set = now, 5 + holderIndex, sets[setIndex + 1]
  local raw = values[place]
  local way = raw and wayFor(set.commit, set, raw)
  if not way then return nil end
  local ends = way.ends
  local expiresAt, body, status, shape, heldAt, held, heldFeature, entries, heldAnswer, terms, entities, _
  local openAt, openEnd = findOpen(raw, ends, fingerprint)
  if openAt then
    if byte(raw, openAt + OPEN_HEAD_BYTES) ~= HELD then return nil end
    expiresAt, body, _, status, shape, heldAt, held, heldFeature, entries, heldAnswer, terms, entities = unpackBytes('<' .. OPEN_HELD_FIELDS, raw, openAt + 16)
  else
    local known = recallId(fingerprint)
    if not known or byte(known.rest) ~= HELD then return nil end
    expiresAt, body = known.at, known.body
    status, shape, heldAt, held, heldFeature, entries, heldAnswer, terms, entities = unpackBytes(HELD_FORMAT, known.rest)
  end
  if expiresAt <= at or heldFeature ~= feature or entities > 0 or entries ~= entriesOf(set) then return nil end
  local tail = ''
  if openAt == ends then
    if openEnd <= #raw then tail = sub(raw, openEnd) end
  elseif openAt then
    tail = sub(raw, ends, openAt - 1) .. sub(raw, openEnd)
  elseif ends <= #raw then
    tail = sub(raw, ends)
  end
  local settledFlags = amount > held and OVERRUN or 0
  local next, answer, fact = way.run(raw, at, amount, tail, held, heldAt, settledFlags, head, setIndex, partFlags)
  if not next then return nil end
  rewrite(place, next)
  if not openAt then leaveElsewhere(keys[place], fingerprint) end
  rememberSettled(fingerprint, at, body, COMMITTED, shape, set.shape, feature, heldAnswer, amount, settledFlags, answer, terms, shortTermsOf(set))
  factGroups[#factGroups + 1] = fact
  return answer
end

-- When an event happened, and the same for what it is charged to: what happens now belongs to the window of now.
local function happenedOf(operation)
  local happenedAt = operation.happenedAt
  if happenedAt == 0 or happenedAt >= now then return now, math.huge end
  return happenedAt, happenedAt
end

local function isUsualEvent(operation)
  if operation.idMode ~= 1 or operation.parts == 0 or idsFull then return false end
  return operation.happenedAt <= now + EVENT_AHEAD_MS_MAX and not recallId(operation.fingerprint)
end

-- The parts of an event one after the other: nothing is kept before the last of them has gone this way.
function recordShort(operation)
  local at, place, facts = now, 5 + operation.holder, {}
  local raw = values[place]
  if not raw or not isUsualEvent(operation) then return nil end
  local happenedAt, chargeAt = happenedOf(operation)
  for part = 1, operation.parts do
    local setIndex, amount, partFlags = operation[3 * part - 2], operation[3 * part - 1], operation[3 * part]
    local set = sets[setIndex + 1]
    local way = wayFor(set.record, set, raw)
    if not way then return nil end
    raw, facts[part] = way.run(raw, at, amount, way.ends > #raw and '' or sub(raw, way.ends), chargeAt, setIndex, partFlags)
    if not raw then return nil end
  end
  rewrite(place, raw)
  rememberId(operation.fingerprint, at, operation.body, '')
  bookParts(operation, FACT_RECORD, at, happenedAt, facts)
  return RECORDED_PLAIN
end

-- A check or an event of an entity: all holders of all parts one after the other, and nothing is kept before the last.
function nestedShort(operation)
  local at, isEvent = now, operation.kind == RECORD
  if isEvent and not isUsualEvent(operation) or not isEvent and not isUsual(operation) then return nil end
  local happenedAt, chargeAt = happenedOf(operation)
  local places, nexts, facts, numbers = {}, {}, {}, {}
  for part = 1, operation.parts do
    local setIndex, amount, partFlags = operation[3 * part - 2], operation[3 * part - 1], operation[3 * part]
    local fact = packBytes('<HBd', setIndex, partFlags, amount)
    for _, layer in ipairs(layersOf(sets[setIndex + 1])) do
      local place = 5 + (layer.slot == 0 and operation.holder or operation.further[layer.slot])
      local raw = nexts[place] or values[place]
      local way = raw and wayFor(isEvent and layer.record or layer.check, layer, raw)
      if not way then return nil end
      local results = { way.run(raw, at, amount, way.ends > #raw and '' or sub(raw, way.ends), chargeAt) }
      if not results[1] then return nil end
      if not nexts[place] then places[#places + 1] = place end
      nexts[place] = results[1]
      fact = fact .. results[2]
      if not isEvent then
        for index = 3, #results do numbers[#numbers + 1] = results[index] end
      end
    end
    facts[part] = fact
  end
  for _, place in ipairs(places) do rewrite(place, nexts[place]) end
  bookParts(operation, isEvent and FACT_RECORD or FACT_CHECK, at, happenedAt, facts)
  if isEvent then
    rememberId(operation.fingerprint, at, operation.body, '')
    return RECORDED_PLAIN
  end
  local set = sets[operation[1] + 1]
  if operation.idMode > 0 then rememberId(operation.fingerprint, at, operation.body, statesOf(set, numbers, 1)) end
  return packBytes(set.plainFormat, DECIDED_PLAIN, unpack(numbers))
end
end
