-- Answers. '<BB' status, flags (1 replayed, 2 clock fault, 4 late, 8 overrun, 16 remembered answer follows), then
--   DECIDED, DENIED, RECORDED, UNDONE_BY_BATCH, SETTLED: for each part, for each limit of its set
--     '<BHdd' info (window 0 previous, 1 current, 2 next; 16 denies, 32 shadow), mask of thresholds crossed,
--     used and reserved (quota), level and fraction (bucket) or slots in use and 0 (concurrency); then a denial '<d' the customer's clock,
--     a reservation '<d' expires at
--   a replayed answer: '<Hd' numbers that follow and this one, a reservation's expires at, then as many '<d': see packStates below
--   DECIDED_PLAIN, a plain check or reservation that was admitted and has nothing to tell: '<B' status, then for each limit its two
--   numbers '<dd', then a reservation '<d' expires at
--   SETTLED_PLAIN, a commit that has nothing to tell but its flags: '<BB' status, flags, then for each limit '<dd'
--   VOIDED (6, include/void.lua): '<Hc0d' head and time of the correction, 'H' limits of its facts, each '<Bd' 1 where it gave back, after
--   GATED: 'B' reason · NEEDS_WINDOW: '<dH' instant, the first of its limits that lacks its window then (0: only others of its group do) · NEEDS_SET: 'H' length, feature · others: nothing
local DECIDED, DENIED, RECORDED, UNDONE_BY_BATCH, SETTLED, DECIDED_PLAIN, SETTLED_PLAIN = 0, 1, 2, 3, 4, 5, 7
local ID_CONFLICT, OUT_OF_RANGE, NEEDS_WINDOW, GATED, TIME_IN_FUTURE = 10, 11, 12, 13, 14
local UNKNOWN_RESERVATION, ALREADY_COMMITTED, ALREADY_RELEASED, RESERVATION_EXPIRED, NEEDS_SET, ID_MEMORY_FULL = 15, 16, 17, 18, 19, 20
local REPLAYED, CLOCK_FAULT, LATE, OVERRUN = 1, 2, 4, 8

-- The end of a lifetime window: 2^53 - 1.
local NEVER = AMOUNT_MAX

local packAnswer, termsOf, packStates, replay, replayStates
do
local function infoOf(view, limit)
  local info = limit.kind == QUOTA and view.window or 1
  if view.denies then info = info + (limit.shadow and 32 or 16) end
  return info
end

function packAnswer(status, answerFlags, set, views0)
  for index = 1, set.count do
    local view, limit, at = views[views0 + index], set[index], 4 * index
    scratch[at - 3] = infoOf(view, limit)
    if limit.kind == BUCKET then
      scratch[at - 2], scratch[at - 1], scratch[at] = 0, view.level, view.fraction
    elseif limit.kind == CONCURRENCY then
      scratch[at - 2], scratch[at - 1], scratch[at] = 0, view.inUse, 0
    else
      scratch[at - 2], scratch[at - 1], scratch[at] = view.crossings, view.used, view.reserved
    end
  end
  return packBytes(set.answerFormat, status, answerFlags, unpack(scratch, 1, 4 * set.count))
end

-- The terms of a limit, which an answer needs to be given again although the catalog has moved on: included or capacity,
-- hard (-1 none, -2 as included), end of the window (s; -1 never).
function termsOf(limit, window)
  if limit.kind == BUCKET then return limit.capacity, -1, 0 end
  if limit.kind == CONCURRENCY then return limit.slots, -1, 0 end
  local finish = window == 1 and limit.finish or window == 2 and limit.nextFinish or limit.start
  return limit.included, limit.hard == limit.included and -2 or limit.hard, finish == NEVER and -1 or finish / 1000
end

-- An answer to be remembered: the set's shape, then per limit info, crossings, the two numbers, its terms. MessagePack keeps small integers small.
function packStates(set)
  local numbers = {}
  for index = 1, set.count do
    local view, limit, at = views[index], set[index], #numbers
    numbers[at + 1] = infoOf(view, limit)
    if limit.kind == BUCKET then
      numbers[at + 2], numbers[at + 3], numbers[at + 4] = 0, view.level, view.fraction
    elseif limit.kind == CONCURRENCY then
      numbers[at + 2], numbers[at + 3], numbers[at + 4] = 0, view.inUse, 0
    else
      numbers[at + 2], numbers[at + 3], numbers[at + 4] = view.crossings, view.used, view.reserved
    end
    numbers[at + 5], numbers[at + 6], numbers[at + 7] = termsOf(limit, view.window)
  end
  return set.count > 0 and set.shape .. packMessage(unpack(numbers)) or set.shape
end

function replay(status, flagsOf, expiresAt, numbers)
  local parts = { packBytes('<BBHd', status, flagsOf + REPLAYED, #numbers + 1, expiresAt) }
  for index, number in ipairs(numbers) do parts[index + 1] = packBytes('<d', number) end
  return concat(parts)
end

-- What packStates remembered. The names of its limits are not among it: under other limits it has nothing to tell.
function replayStates(status, answerFlags, remembered, set)
  local numbers
  if byte(remembered) < 128 then
    numbers = sub(remembered, 1, 3) == set.shape and { unpackMessage(sub(remembered, 4)) } or {}
  else
    -- Of 0.1.0: a MessagePack array with one number more and no shape.
    numbers = unpackMessage(remembered)
    table.remove(numbers, 1)
  end
  return replay(status, answerFlags, 0, numbers)
end
end
