-- The short way of a plain check: no id, no entity, one clock, every limit known to the holder and admitting, no window
-- turning, no warning crossed. It is what nearly all checks are, and a fifth of the work of the long way, since it keeps
-- to locals where that fills views. Whatever is not so returns nil, before anything is touched, and goes the long way.
local decideShort
do
local EXACT_PRODUCT_MAX = 4503599627370496
local factScratch = {}

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
end
