-- The short ways. Of a plain check: no id, no entity, one clock, every limit known to the holder and admitting, no window
-- turning, no warning crossed. It is what nearly all checks are, and a small part of the work of the long way.
-- Of a reservation by limits alone, its commit and its release: in addition the id is new, or its hold open, on the same limits in
-- the same windows, and nobody's hold is due.
-- Of a check under an id: in addition the id is new.
-- Of an operation of an entity: on each of its holders as on the customer's.
-- Of an event: as of a check, but past every cap; and its id is new, and each quota's window the one of now, in which it happened.
-- Each is decided by a function that was compiled for its limits (include/compile.lua).
-- Whatever is not so returns nil, before anything is touched, and goes the long way; so does a holder that the long way
-- has opened in this call.
local decideShort, checkOnceShort, reserveShort, settleShort, recordShort, nestedShort
do
-- RECORDED, without flags.
local RECORDED_PLAIN = '\2\0'
-- DECIDED_PLAIN, as it is packed.
local DECIDED_PLAIN_BYTE = '\5'

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

-- The entries of a hold on all limits of a set in their windows of now, by one of its ways: always the same.
local function entriesOf(way, set)
  local entries = way.entries
  if not entries then
    local packed = {}
    for _, run in ipairs(way.runs) do
      local limit = run.place and set[run.place]
      if limit then packed[run.place] = packBytes('<BBc8d', run.mark, limit.slot, limit.tag, limit.kind == QUOTA and limit.start or 0) end
    end
    entries = concat(packed)
    way.entries = entries
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
  local entries, terms = entriesOf(way, set), shortTermsOf(set)
  local next, answer, moves = way.run(
    raw, at, amount, way.ends > #raw and '' or sub(raw, way.ends), atHand, fingerprint, body, expiresAt, feature, entries, terms
  )
  if not next then return nil end
  if not atHand then
    standElsewhere(keys[place], fingerprint, expiresAt, body, packHeld(HELD, set.shape, at, amount, feature, entries, answer, terms, {}))
  end
  rewrite(place, next, moves and expiresAt or nil, not atHand and expiresAt or nil)
  return answer
end

-- An open hold by its fingerprint: the end of the holder's string without it, where it stood there (nil: elsewhere), and
-- what it is, with the keys of its entities as they are packed. Nil for one that is due, or none.
local function heldOf(raw, ends, fingerprint)
  local expiresAt, body, shape, heldAt, held, feature, entries, answer, terms, after, entities, _
  local openAt, openEnd = findOpen(raw, ends, fingerprint)
  if openAt then
    if byte(raw, openAt + OPEN_HEAD_BYTES) ~= HELD then return nil end
    expiresAt, body, _, _, shape, heldAt, held, feature, entries, answer, terms, _, after = unpackBytes('<' .. OPEN_HELD_FIELDS, raw, openAt + 16)
    entities = after < openEnd and sub(raw, after, openEnd - 1) or ''
  else
    local known = recallId(fingerprint)
    if not known or byte(known.rest) ~= HELD then return nil end
    expiresAt, body = known.at, known.body
    _, shape, heldAt, held, feature, entries, answer, terms, _, after = unpackBytes(HELD_FORMAT, known.rest)
    entities = sub(known.rest, after)
  end
  if expiresAt <= now then return nil end
  local tail = ''
  if openAt == ends then
    if openEnd <= #raw then tail = sub(raw, openEnd) end
  elseif openAt then
    tail = sub(raw, ends, openAt - 1) .. sub(raw, openEnd)
  elseif ends <= #raw then
    tail = sub(raw, ends)
  end
  return tail, openAt, body, shape, heldAt, held, feature, entries, answer, terms, entities
end

-- A commit, or a release, whose amount is 0.
function settleShort(kind, holderIndex, head, setIndex, amount, partFlags, fingerprint, feature)
  local at, place, set, committing = now, 5 + holderIndex, sets[setIndex + 1], kind == COMMIT
  local raw = values[place]
  local way = raw and wayFor(committing and set.commit or set.release, set, raw)
  if not way then return nil end
  local tail, openAt, body, shape, heldAt, held, heldFeature, entries, heldAnswer, terms, entities = heldOf(raw, way.ends, fingerprint)
  if not tail or heldFeature ~= feature or entities ~= '' or entries ~= entriesOf(way, set) then return nil end
  local settledFlags = amount > held and OVERRUN or 0
  local next, answer, fact = way.run(raw, at, amount, tail, held, heldAt, settledFlags, head, setIndex, partFlags)
  if not next then return nil end
  rewrite(place, next)
  if not openAt then leaveElsewhere(keys[place], fingerprint) end
  local status = committing and COMMITTED or RELEASED
  rememberSettled(fingerprint, at, body, status, shape, set.shape, feature, heldAnswer, amount, settledFlags, answer, terms, shortTermsOf(set))
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

-- What the ways of an operation by entities have returned so far: holders' next strings, and their places. Nothing is kept
-- before the last of them has admitted. An event of several parts has the same place again: the later string counts.
local nexts = { count = 0, places = {} }

local function latestAt(place)
  for index = nexts.count, 1, -1 do
    if nexts.places[index] == place then return nexts[index] end
  end
  return values[place]
end

-- The way of each of a set's holders. Returns the answer's and the fact's numbers, packed; nil where a holder has no way, or
-- does not admit.
-- @param own, tail for the customer's way instead of `argument` and of what stands behind the numbers.
local function runLayers(operation, set, name, amount, argument, own, tail)
  local answer, fact = '', ''
  for _, layer in ipairs(layersOf(set)) do
    local isOwn = layer.slot == 0
    local place = 5 + (isOwn and operation.holder or operation.further[layer.slot])
    local raw = latestAt(place)
    local way = raw and wayFor(layer[name], layer, raw)
    if not way then return nil end
    local rest = isOwn and tail or way.ends > #raw and '' or sub(raw, way.ends)
    local next, numbers, part = way.run(raw, now, amount, rest, isOwn and own or argument)
    if not next then return nil end
    local count = nexts.count + 1
    nexts.count, nexts.places[count], nexts[count] = count, place, next
    answer, fact = answer .. numbers, fact .. part
  end
  return answer, fact
end

local function keepNexts()
  for index = 1, nexts.count do rewrite(nexts.places[index], nexts[index]) end
end

local function packOnePart(operation, part, fact)
  return packBytes('<HBd', operation[3 * part - 2], operation[3 * part], operation[3 * part - 1]) .. fact
end

-- A check or an event.
local function nestedCharge(operation)
  local at, isEvent = now, operation.kind == RECORD
  if isEvent and not isUsualEvent(operation) or not isEvent and not isUsual(operation) then return nil end
  local happenedAt, chargeAt = happenedOf(operation)
  local numbers, fact, facts = nil, nil, {}
  for part = 1, operation.parts do
    local set = sets[operation[3 * part - 2] + 1]
    numbers, fact = runLayers(operation, set, isEvent and 'record' or 'check', operation[3 * part - 1], chargeAt)
    if not numbers then return nil end
    facts[part] = packOnePart(operation, part, fact)
  end
  keepNexts()
  bookParts(operation, isEvent and FACT_RECORD or FACT_CHECK, at, happenedAt, facts)
  if isEvent then
    rememberId(operation.fingerprint, at, operation.body, '')
    return RECORDED_PLAIN
  end
  local set = sets[operation[1] + 1]
  if operation.idMode > 0 then rememberId(operation.fingerprint, at, operation.body, statesOf(set, { unpackBytes(set.numbersFormat, numbers) }, 1)) end
  return DECIDED_PLAIN_BYTE .. numbers
end

-- Of an operation by entities the customer's string and way, and the entries of a hold on all its holders; nil where one has no way.
local function ownWay(operation, set, name)
  local own, entries = nil, ''
  for _, layer in ipairs(layersOf(set)) do
    local raw = values[5 + (layer.slot == 0 and operation.holder or operation.further[layer.slot])]
    local way = raw and wayFor(layer[name], layer, raw)
    if not way then return nil end
    own, entries = own or way, entries .. entriesOf(way, layer)
  end
  return values[5 + operation.holder], own, entries
end

local function nestedReserve(operation)
  local at, place, set, amount, fingerprint = now, 5 + operation.holder, sets[operation[1] + 1], operation[2], operation.fingerprint
  if operation.gate ~= GATE_OPEN or at < operation.startsAt or at >= operation.endsAt or idsFull then return nil end
  local raw, way, entries = ownWay(operation, set, 'reserve')
  if not way then return nil end
  local isKnown, _, count = findOpen(raw, way.ends, fingerprint)
  if isKnown or recallId(fingerprint) then return nil end
  local expiresAt = at + operation.ttl
  local numbers = runLayers(operation, set, 'reserve', amount, nil, expiresAt)
  if not numbers then return nil end
  local answer = DECIDED_PLAIN_BYTE .. numbers .. packBytes('<d', expiresAt)
  local record = packHeld(HELD, set.shape, at, amount, operation.feature, entries, answer, shortTermsOf(set), entityKeys(operation))
  keepNexts()
  local nextExpiry, isElsewhere = unpackBytes('<d', raw, 9), count >= HOLDS_AT_HAND_MAX
  local next = latestAt(place)
  if isElsewhere then
    standElsewhere(keys[place], fingerprint, expiresAt, operation.body, record)
  else
    next = next .. packBytes('<c16dc8Hc0', fingerprint, expiresAt, operation.body, #record, record)
  end
  rewrite(place, next, (nextExpiry == 0 or expiresAt < nextExpiry) and expiresAt or nil, isElsewhere and expiresAt or nil)
  return answer
end

local function nestedSettle(operation)
  local at, place, set, amount, fingerprint = now, 5 + operation.holder, sets[operation[1] + 1], operation[2], operation.fingerprint
  local committing = operation.kind == COMMIT
  local name = committing and 'commit' or 'release'
  local raw, way, ownEntries = ownWay(operation, set, name)
  if not way then return nil end
  local tail, openAt, body, shape, heldAt, held, feature, entries, heldAnswer, terms, entities = heldOf(raw, way.ends, fingerprint)
  if not tail or feature ~= operation.feature or entries ~= ownEntries then return nil end
  local own = ''
  for _, key in ipairs(entityKeys(operation)) do own = own .. packBytes('<Hc0', #key, key) end
  if entities ~= own then return nil end
  local settledFlags = amount > held and OVERRUN or 0
  local numbers, fact = runLayers(operation, set, name, amount, held, held, tail)
  if not numbers then return nil end
  keepNexts()
  if not openAt then leaveElsewhere(keys[place], fingerprint) end
  local answer = packBytes('<BB', SETTLED_PLAIN, settledFlags) .. numbers
  local status = committing and COMMITTED or RELEASED
  rememberSettled(fingerprint, at, body, status, shape, set.shape, feature, heldAnswer, amount, settledFlags, answer, terms, shortTermsOf(set))
  if committing then bookParts(operation, FACT_COMMIT, at, heldAt, { packOnePart(operation, 1, fact) }) end
  return answer
end

local NESTED_WAYS = {
  [CHECK] = nestedCharge, [RECORD] = nestedCharge, [RESERVE] = nestedReserve, [COMMIT] = nestedSettle, [RELEASE] = nestedSettle,
}

-- An operation of an entity: all its holders one after the other.
function nestedShort(operation)
  local way = NESTED_WAYS[operation.kind]
  nexts.count = 0
  return way and way(operation)
end
end
