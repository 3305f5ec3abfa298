-- What a limit's state is at the clock of an operation, without writing it: a denial or a peek must leave no trace,
-- and "a new rate counts from the last time the bucket was written". A view holds the state; storeView writes it back.
local viewLimit, admits, inRange, nextWarning, charge, hold, storeView, headNumber, writeWarnings
do
local warningsToWrite = nil

-- Refills by elapsed × amount ∕ every, exactly. Every product stays within 2^53: a whole period's part is split off,
-- every × (amount + 1) ≤ 2^53 − 1 by the catalog, and debt is paid before capacity is looked at.
local function refill(view, limit, elapsed)
  local level, capacity, amount, every = view.level, limit.capacity, limit.amount, limit.every
  if level >= capacity then
    view.level, view.fraction = capacity, 0
    return
  end
  if elapsed <= 0 then return end
  local rest = elapsed % every
  local periods = (elapsed - rest) / every
  local part = rest * amount + view.fraction
  local fraction = part % every
  local gain = (part - fraction) / every
  if periods > 0 and level < 0 then
    local paying = min(periods, (-level - (-level % amount)) / amount)
    level, periods = level + paying * amount, periods - paying
    if periods > 0 and level < 0 then level, periods = level + amount, periods - 1 end
  end
  if periods > 0 then
    local room = capacity - level
    if room <= 0 or periods > (room - room % amount) / amount then
      view.level, view.fraction = capacity, 0
      return
    end
    level = level + periods * amount
  end
  if level >= 0 and gain >= capacity - level then
    view.level, view.fraction = capacity, 0
  else
    level = level + gain
    if level >= capacity then level, fraction = capacity, 0 end
    view.level, view.fraction = level, fraction
  end
end

local function viewBucket(view, limit, numbers, base, at)
  if not base then
    view.level, view.fraction = limit.capacity, 0
    return
  end
  view.level, view.fraction = numbers[base], numbers[base + FRACTION]
  -- The fraction counts parts of 1 ∕ every; another rate takes it over rounded down.
  local every = numbers[base + EVERY]
  if every ~= limit.every then view.fraction = floor(view.fraction / every * limit.every) end
  refill(view, limit, at - numbers[base + WRITTEN_AT])
end

-- A quota never moves to an earlier window: with the clock behind, the window of the state stays current.
-- Returns the instant whose window the call lacks, else nil.
local function viewQuota(view, limit, numbers, base, at)
  local known = base and numbers[base]
  if known and known > at then at = known end
  local start, previous
  if at < limit.start then
    -- A state that is older still may be of the window before, which is not among those that were sent along.
    if at < limit.previousStart or known and known < limit.previousStart then return at end
    view.window, start, previous = 0, limit.previousStart, -1
  elseif at < limit.finish then
    view.window, start, previous = 1, limit.start, limit.previousStart
  elseif at < limit.nextFinish then
    view.window, start, previous = 2, limit.finish, limit.start
  else
    return at
  end
  view.start, view.previous, view.crossings = start, previous, 0
  if known == start then
    view.used, view.reserved, view.before = numbers[base + USED], numbers[base + RESERVED], numbers[base + BEFORE]
    view.warningsTag, view.crossed = numbers[base + WARNINGS_TAG], numbers[base + CROSSED]
  else
    view.used, view.reserved = 0, 0
    view.before = known and known == previous and numbers[base + USED] or 0
    view.warningsTag, view.crossed = -1, 0
  end
  return nil
end

function viewLimit(view, limit, holder, at)
  view.changed, view.denies, view.charged, view.chargedBefore = false, false, false, false
  local base = holder.layout.bases[limit.tag]
  view.base = base
  if limit.kind == BUCKET then return viewBucket(view, limit, holder.numbers, base, at) end
  if limit.kind == CONCURRENCY then
    view.inUse = base and holder.numbers[base] or 0
    return nil
  end
  return viewQuota(view, limit, holder.numbers, base, at)
end

-- A concurrency limit admits while a slot is free; only a hold takes it. Past its cap a quota denies even 0. used and reserved may pass the cap together; the sign stays right.
function admits(view, limit, amount)
  if limit.kind == BUCKET then return view.level >= amount end
  if limit.kind == CONCURRENCY then return view.inUse < limit.slots end
  return limit.hard < 0 or amount <= limit.hard - view.used - view.reserved
end

-- False when the charge would take a counter out of the range of exact integers.
function inRange(view, limit, amount)
  if limit.kind == BUCKET then return amount <= AMOUNT_MAX + view.level end
  if limit.kind == CONCURRENCY then return true end
  return amount <= AMOUNT_MAX - view.used - view.reserved
end

local function isSet(mask, index) return floor(mask / 2 ^ (index - 1)) % 2 == 1 end

-- The amount at which the next threshold is crossed, -1: none is left. Worked out once for a mask.
function nextWarning(limit, crossed)
  local known = limit.nextWarnings[crossed]
  if known then return known end
  known = -1
  if limit.percents and limit.included > 0 then
    for index = #limit.percents, 1, -1 do
      if not isSet(crossed, index) then known = limit.amounts[index] end
    end
  end
  limit.nextWarnings[crossed] = known
  return known
end

-- The percents behind a mask of another catalog: written down whenever a mask under it has a bit.
local function percentsOf(warningsTag)
  local raw, percents = call('HGET', prefix .. 'warnings', warningsTag) or '', {}
  for at = 1, #raw, 2 do percents[unpackBytes('<H', raw, at)] = (at + 1) / 2 end
  return percents
end

local function writeDown(limit)
  warningsToWrite = warningsToWrite or {}
  warningsToWrite[limit.warningsTag] = limit.percents
end

-- Before a charge: when what is included or warned at has changed, thresholds that no longer hold are armed again.
local function rearm(view, limit)
  local crossed, kept = view.crossed, 0
  -- With nothing included no threshold holds, although all its amounts are 0.
  if crossed > 0 and limit.percents and limit.included > 0 then
    local known = percentsOf(view.warningsTag)
    for index, percent in ipairs(limit.percents) do
      if view.used >= limit.amounts[index] and known[percent] and isSet(crossed, known[percent]) then kept = kept + 2 ^ (index - 1) end
    end
  end
  if kept > 0 then writeDown(limit) end
  view.crossed, view.warningsTag = kept, limit.warningsTag
end

local function cross(view, limit)
  local crossings = 0
  for index = 1, #limit.percents do
    if view.used >= limit.amounts[index] and not isSet(view.crossed, index) then crossings = crossings + 2 ^ (index - 1) end
  end
  view.crossings, view.crossed = crossings, view.crossed + crossings
  writeDown(limit)
end

function charge(view, limit, amount)
  if limit.kind == CONCURRENCY then return end
  if limit.kind == BUCKET then
    view.level = view.level - amount
  else
    if view.warningsTag ~= limit.warningsTag then rearm(view, limit) end
    view.used = view.used + amount
    local warning = nextWarning(limit, view.crossed)
    if warning >= 0 and view.used >= warning then cross(view, limit) end
  end
  view.changed, view.charged = true, true
end

function hold(view, limit, amount)
  if limit.kind == BUCKET then
    view.level = view.level - amount
  elseif limit.kind == CONCURRENCY then
    view.inUse = view.inUse + 1
  else
    view.reserved = view.reserved + amount
  end
  view.changed = true
end

function storeView(view, limit, holder, at)
  local base = view.base or claim(holder, limit)
  local numbers = holder.numbers
  holder.dirty = true
  if limit.kind == BUCKET then
    numbers[base], numbers[base + FRACTION], numbers[base + WRITTEN_AT], numbers[base + EVERY] = view.level, view.fraction, at, limit.every
  elseif limit.kind == CONCURRENCY then
    numbers[base] = view.inUse
  else
    numbers[base], numbers[base + USED], numbers[base + RESERVED], numbers[base + BEFORE] = view.start, view.used, view.reserved, view.before
    numbers[base + WARNINGS_TAG], numbers[base + CROSSED] = max(view.warningsTag, 0), view.crossed
  end
end

-- The one number of a state that ledgers show: level, used, or slots in use.
function headNumber(view, limit)
  if limit.kind == BUCKET then return view.level end
  if limit.kind == CONCURRENCY then return view.inUse end
  return view.used
end

function writeWarnings()
  if not warningsToWrite then return end
  for warningsTag, percents in pairs(warningsToWrite) do
    local packed = {}
    for index, percent in ipairs(percents) do packed[index] = packBytes('<H', percent) end
    call('HSET', prefix .. 'warnings', warningsTag, concat(packed))
  end
  warningsToWrite = nil
end
end
