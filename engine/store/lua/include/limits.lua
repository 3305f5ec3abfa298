-- What a limit's state is at the clock of an operation, without writing it: a denial or a peek must leave no trace,
-- and "a new rate counts from the last time the bucket was written". A view holds the state; `store…` writes it back.
local VIEW_OK, VIEW_NEEDS_WINDOW = 0, 1

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

local function viewBucket(view, limit, slot, at)
  if slot and slot.tag == limit.tag then
    view.level, view.fraction = slot.level, slot.fraction
    -- The fraction counts parts of 1 ∕ every; another rate takes it over rounded down.
    if slot.every ~= limit.every then view.fraction = floor(slot.fraction / slot.every * limit.every) end
    refill(view, limit, at - slot.writtenAt)
  else
    view.level, view.fraction = limit.capacity, 0
  end
end

-- A quota never moves to an earlier window: with the clock behind, the window of the state stays current.
local function viewQuota(view, limit, slot, at)
  local known = slot and slot.tag == limit.tag
  if known and slot.start > at then at = slot.start end
  local start, previous
  if at >= limit.start and at < limit.finish then
    view.window, start, previous = 1, limit.start, limit.previousStart
  elseif at >= limit.finish and at < limit.nextFinish then
    view.window, start, previous = 2, limit.finish, limit.start
  elseif at >= limit.previousStart and at < limit.start then
    view.window, start, previous = 0, limit.previousStart, -1
  else
    return VIEW_NEEDS_WINDOW, at
  end
  view.start, view.previous, view.crossings = start, previous, 0
  if known and slot.start == start then
    view.used, view.reserved, view.before = slot.used, slot.reserved, slot.before
    view.nextWarning, view.warningsTag, view.crossed = slot.nextWarning, slot.warningsTag, slot.crossed
  else
    view.used, view.reserved = 0, 0
    view.before = known and slot.start == previous and slot.used or 0
    view.nextWarning, view.warningsTag, view.crossed = -1, -1, ''
  end
  return VIEW_OK
end

local function viewLimit(view, limit, holder, at)
  view.changed, view.denies, view.charged, view.chargedBefore = false, false, false, false
  local slot = holder.slots[limit.key]
  if limit.kind == BUCKET then
    viewBucket(view, limit, slot, at)
    return VIEW_OK
  end
  return viewQuota(view, limit, slot, at)
end

-- Past its cap a quota denies even 0. used and reserved may pass the cap together; the sign stays right.
local function admits(view, limit, amount)
  if limit.kind == BUCKET then return view.level >= amount end
  return limit.hard < 0 or amount <= limit.hard - view.used - view.reserved
end

-- False when the charge would take a counter out of the range of exact integers.
local function inRange(view, limit, amount)
  if limit.kind == BUCKET then return amount <= AMOUNT_MAX + view.level end
  return amount <= AMOUNT_MAX - view.used - view.reserved
end

local function hasCrossed(crossed, percent)
  for at = 1, #crossed, 2 do
    if unpackBytes('<H', crossed, at) == percent then return true end
  end
  return false
end

local function nextWarning(limit, crossed)
  for index, percent in ipairs(limit.percents) do
    if not hasCrossed(crossed, percent) then return limit.amounts[index] end
  end
  return -1
end

-- Before a charge: when what is included or warned at has changed, thresholds that no longer hold are armed again.
local function rearm(view, limit)
  if view.warningsTag == limit.warningsTag then return end
  view.warningsTag = limit.warningsTag
  local kept = ''
  if limit.percents and limit.included > 0 then
    for index, percent in ipairs(limit.percents) do
      if view.used >= limit.amounts[index] and hasCrossed(view.crossed, percent) then
        kept = kept .. packBytes('<H', percent)
      end
    end
    view.crossed = kept
    view.nextWarning = nextWarning(limit, kept)
  else
    view.crossed, view.nextWarning = '', -1
  end
end

local function cross(view, limit)
  if view.nextWarning < 0 or view.used < view.nextWarning then return end
  local crossings, bit = 0, 1
  for index, percent in ipairs(limit.percents) do
    if view.used >= limit.amounts[index] and not hasCrossed(view.crossed, percent) then
      crossings = crossings + bit
      view.crossed = view.crossed .. packBytes('<H', percent)
    end
    bit = bit * 2
  end
  view.crossings = crossings
  view.nextWarning = nextWarning(limit, view.crossed)
end

local function charge(view, limit, amount)
  if limit.kind == BUCKET then
    view.level = view.level - amount
  else
    rearm(view, limit)
    view.used = view.used + amount
    cross(view, limit)
  end
  view.changed, view.charged = true, true
end

local function hold(view, limit, amount)
  if limit.kind == BUCKET then
    view.level = view.level - amount
  else
    view.reserved = view.reserved + amount
  end
  view.changed = true
end

local function storeView(view, limit, holder, at)
  if not view.changed then return end
  local slot = claimSlot(holder, limit)
  if limit.kind == BUCKET then
    slot.level, slot.fraction, slot.writtenAt, slot.every = view.level, view.fraction, at, limit.every
  else
    slot.start, slot.used, slot.reserved, slot.before = view.start, view.used, view.reserved, view.before
    slot.nextWarning, slot.warningsTag, slot.crossed = view.nextWarning, max(view.warningsTag, 0), view.crossed
  end
end
