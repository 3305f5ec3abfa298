-- The short ways. Of a plain check: no id, no entity, one clock, every limit known to the holder and admitting, no window
-- turning, no warning crossed. It is what nearly all checks are, and a fifth of the work of the long way, since it keeps
-- to locals where that fills views. Whatever is not so returns nil, before anything is touched, and goes the long way.
-- Of a reservation by limits alone, and its commit: in addition the id is new, or its hold open, on the same limits in
-- the same windows, and nobody's hold is due.
local decideShort, reserveShort, commitShort
do
local EXACT_PRODUCT_MAX = 4503599627370496
local factScratch = {}
local NO_ENTITIES = {}

-- Where the limits of a set stand in a layout; false where one is not there yet, or is of a kind for the long way.
local function basesOf(layout, set)
  local bases = {}
  for index = 1, set.count do
    local limit = set[index]
    local base = layout.bases[limit.tag]
    if not base or limit.kind == CONCURRENCY or limit.slot > 0 then
      bases = false
      break
    end
    bases[index] = base
  end
  layout.ofSets[set] = bases
  return bases
end

-- A bucket's level and fraction at an instant; nil for what only the long way reckons.
local function levelAt(numbers, base, limit, at)
  local level, fraction, every, capacity = numbers[base], numbers[base + FRACTION], limit.every, limit.capacity
  local product = (at - numbers[base + WRITTEN_AT]) * limit.amount
  if numbers[base + EVERY] ~= every or level < 0 or product < 0 or product > EXACT_PRODUCT_MAX then return nil end
  if level < capacity then
    local part = product + fraction
    fraction = part % every
    level = level + (part - fraction) / every
  end
  if level >= capacity then return capacity, 0 end
  return level, fraction
end

-- The layout's bases of a set; nil where the holder's clock, a due hold or the set itself needs the long way.
local function basesAt(holder, set, at)
  local nextExpiry = holder.nextExpiry
  if at < holder.latest or nextExpiry > 0 and nextExpiry <= at then return nil end
  local bases = holder.layout.ofSets[set]
  if bases == nil then bases = basesOf(holder.layout, set) end
  return bases or nil
end

function decideShort(holderIndex, startsAt, endsAt, head, setIndex, amount, partFlags)
  local set, holder, at = sets[setIndex + 1], readHolder(holderIndex), now
  if at < holder.latest or at < startsAt or at >= endsAt then return nil end
  local nextExpiry, layout = holder.nextExpiry, holder.layout
  if nextExpiry > 0 and nextExpiry <= at then return nil end
  local bases = layout.ofSets[set]
  if bases == nil then bases = basesOf(layout, set) end
  if not bases then return nil end
  local numbers, count = holder.numbers, set.count
  for index = 1, count do
    local limit, base, slot = set[index], bases[index], 2 * index
    if limit.kind == BUCKET then
      local level, fraction, every, capacity = numbers[base], numbers[base + 1], limit.every, limit.capacity
      local product = (at - numbers[base + 2]) * limit.amount
      if numbers[base + 3] ~= every or level < 0 or product < 0 or product > EXACT_PRODUCT_MAX then return nil end
      if level < capacity then
        local part = product + fraction
        fraction = part % every
        level = level + (part - fraction) / every
      end
      if level >= capacity then level, fraction = capacity, 0 end
      if level < amount then return nil end
      level = level - amount
      scratch[slot - 1], scratch[slot] = level, fraction
      factScratch[slot - 1], factScratch[slot] = WINDOW_OF_BUCKET, level
    else
      local start, used, reserved = numbers[base], numbers[base + 1] + amount, numbers[base + 2]
      if start ~= limit.start or at < start or at >= limit.finish or numbers[base + 4] ~= limit.warningsTag then return nil end
      local crossed = numbers[base + 5]
      local warning = limit.nextWarnings[crossed] or nextWarning(limit, crossed)
      if used + reserved > limit.cap or warning >= 0 and used >= warning then return nil end
      scratch[slot - 1], scratch[slot] = used, reserved
      factScratch[slot - 1], factScratch[slot] = start, used
    end
  end
  for index = 1, count do
    local base, first = bases[index], scratch[2 * index - 1]
    if set[index].kind == BUCKET then
      numbers[base], numbers[base + 1], numbers[base + 2] = first, scratch[2 * index], at
    else
      numbers[base + 1] = first
    end
  end
  holder.latest, holder.dirty = at, true
  factGroups[#factGroups + 1] = packBytes(
    set.factFormat, #head, head, at, at, FACT_CHECK, 1, setIndex, partFlags, amount, unpack(factScratch, 1, 2 * count)
  )
  return packBytes(set.plainFormat, DECIDED_PLAIN, unpack(scratch, 1, 2 * count))
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
  local set, holder, at = sets[setIndex + 1], readHolder(holderIndex), now
  if at < startsAt or at >= endsAt or idsFull then return nil end
  local bases = basesAt(holder, set, at)
  if not bases or recallHold(holder, fingerprint) then return nil end
  local numbers, count = holder.numbers, set.count
  for index = 1, count do
    local limit, base = set[index], bases[index]
    if limit.kind == BUCKET then
      local level, fraction = levelAt(numbers, base, limit, at)
      if not level or level < amount then return nil end
      scratch[2 * index - 1], scratch[2 * index] = level - amount, fraction
    else
      local used, reserved = numbers[base + USED], numbers[base + RESERVED] + amount
      if numbers[base] ~= limit.start or at < limit.start or at >= limit.finish or used + reserved > limit.cap then return nil end
      scratch[2 * index - 1], scratch[2 * index] = used, reserved
    end
  end
  for index = 1, count do
    local base = bases[index]
    if set[index].kind == BUCKET then
      numbers[base], numbers[base + FRACTION], numbers[base + WRITTEN_AT] = scratch[2 * index - 1], scratch[2 * index], at
    else
      numbers[base + RESERVED] = scratch[2 * index]
    end
  end
  holder.latest, holder.dirty = at, true
  local expiresAt = at + ttl
  scratch[2 * count + 1] = expiresAt
  local answer = packBytes(set.plainHeldFormat, DECIDED_PLAIN, unpack(scratch, 1, 2 * count + 1))
  openHold(holder, fingerprint, expiresAt, body, packHeld(HELD, set.shape, at, amount, feature, entriesOf(set), answer, shortTermsOf(set), NO_ENTITIES), false)
  return answer
end

function commitShort(holderIndex, head, setIndex, amount, partFlags, fingerprint, feature)
  local set, holder, at = sets[setIndex + 1], readHolder(holderIndex), now
  local bases, known = basesAt(holder, set, at), recallHold(holder, fingerprint)
  if not bases or not known or known.at <= at or byte(known.rest) ~= HELD then return nil end
  local _, shape, heldAt, held, heldFeature, entries, heldAnswer, terms, entities = unpackBytes(HELD_FORMAT, known.rest)
  if heldFeature ~= feature or entities > 0 or entries ~= entriesOf(set) then return nil end
  local numbers, count = holder.numbers, set.count
  for index = 1, count do
    local limit, base, slot = set[index], bases[index], 2 * index
    if limit.kind == BUCKET then
      local level, fraction = levelAt(numbers, base, limit, at)
      if not level then return nil end
      level = level + held
      if level >= limit.capacity then level, fraction = limit.capacity, 0 end
      scratch[slot - 1], scratch[slot] = level - amount, fraction
      factScratch[slot - 1], factScratch[slot] = WINDOW_OF_BUCKET, level - amount
    else
      local start, used, reserved = numbers[base], numbers[base + USED] + amount, numbers[base + RESERVED] - held
      if start ~= limit.start or at < start or at >= limit.finish or numbers[base + WARNINGS_TAG] ~= limit.warningsTag then return nil end
      local crossed = numbers[base + CROSSED]
      local warning = limit.nextWarnings[crossed] or nextWarning(limit, crossed)
      if reserved < 0 or warning >= 0 and used >= warning or used + reserved > AMOUNT_MAX then return nil end
      scratch[slot - 1], scratch[slot] = used, reserved
      factScratch[slot - 1], factScratch[slot] = start, used
    end
  end
  for index = 1, count do
    local base, first, second = bases[index], scratch[2 * index - 1], scratch[2 * index]
    if set[index].kind == BUCKET then
      numbers[base], numbers[base + FRACTION], numbers[base + WRITTEN_AT] = first, second, at
    else
      numbers[base + USED], numbers[base + RESERVED] = first, second
    end
  end
  holder.latest, holder.dirty = at, true
  local settledFlags = amount > held and OVERRUN or 0
  local answer = packBytes(set.plainSettledFormat, SETTLED_PLAIN, settledFlags, unpack(scratch, 1, 2 * count))
  closeHold(holder, fingerprint, at, known, packSettled(COMMITTED, shape, set.shape, feature, heldAnswer, amount, settledFlags, answer, terms, shortTermsOf(set)))
  factGroups[#factGroups + 1] = packBytes(
    set.factFormat, #head, head, at, heldAt, FACT_COMMIT, 1, setIndex, partFlags, amount, unpack(factScratch, 1, 2 * count)
  )
  return answer
end
end
