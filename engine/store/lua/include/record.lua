local decideRecord
do
-- True when a bucket has refilled the amount in the time elapsed: elapsed × rate ≥ amount, in exact integers.
local function hasRefilled(limit, elapsed, amount)
  local rest = elapsed % limit.every
  local part = rest * limit.amount
  -- What whole periods bring may pass 2^53, and is more than any amount then.
  return (elapsed - rest) / limit.every * limit.amount + (part - part % limit.every) / limit.every >= amount
end

-- Charges recorded usage to the window it happened in while that is kept; true when only the ledger can have it.
local function recordInView(view, limit, amount, happenedAt, at)
  if limit.kind == CONCURRENCY then return false end
  if limit.kind == BUCKET then
    -- A bucket that has refilled the amount since is left alone.
    if happenedAt < at and hasRefilled(limit, at - happenedAt, amount) then return false end
    charge(view, limit, amount)
  elseif happenedAt >= view.start then
    charge(view, limit, amount)
  elseif happenedAt >= view.previous then
    view.before, view.changed, view.charged, view.chargedBefore = view.before + amount, true, true, true
  else
    return true
  end
  return false
end

-- record: always admitted, past every cap; refused only where a counter would leave the exact integers.
function decideRecord(operation, holder, at, creditAt, answerFlags)
  if operation.idMode > 0 then
    local known = recallId(operation.fingerprint)
    if known and at - known.at < retentionMs then
      if known.body ~= operation.body then return packBytes('<BB', ID_CONFLICT, answerFlags) end
      if operation.idMode == 1 then return packBytes('<BB', RECORDED, answerFlags + REPLAYED) end
      return replayStates(RECORDED, answerFlags, known.rest, sets[operation[1] + 1])
    end
  end
  if idsFull and operation.idMode > 0 then return packBytes('<BB', ID_MEMORY_FULL, answerFlags) end
  local happenedAt = operation.happenedAt == 0 and at or operation.happenedAt
  if happenedAt > at + EVENT_AHEAD_MS_MAX then return packBytes('<BB', TIME_IN_FUTURE, answerFlags) end
  -- What happens now belongs to each limit's current window, which a clock that was set back may have before it.
  local chargeAt = happenedAt < at and happenedAt or math.huge
  happenedAt = min(happenedAt, at)

  local views0 = 0
  for part = 1, operation.parts do
    local set, amount = sets[operation[3 * part - 2] + 1], operation[3 * part - 1]
    local lacking = viewPart(operation, set, views0, at, creditAt)
    if lacking then return lacking end
    for index = 1, set.count do
      local view, limit = views[views0 + index], set[index]
      if limit.kind == QUOTA and view.previous < 0 and chargeAt < view.start then return needsWindow(at, views0 + index) end
      local before = limit.kind == QUOTA and chargeAt < view.start
      if before and amount > AMOUNT_MAX - view.before or not before and not inRange(view, limit, amount) then
        return packBytes('<BB', OUT_OF_RANGE, answerFlags)
      end
    end
    views0 = views0 + set.count
  end

  local facts, states = {}, {}
  views0 = 0
  for part = 1, operation.parts do
    local setIndex, amount, partFlags = operation[3 * part - 2], operation[3 * part - 1], operation[3 * part]
    local set, late = sets[setIndex + 1], false
    for index = 1, set.count do
      late = recordInView(views[views0 + index], set[index], amount, chargeAt, at) or late
    end
    storeViews(operation, set, views0, at)
    facts[part] = packPart(set, setIndex, partFlags + (late and FACT_LATE or 0), amount, views0)
    if operation.idMode ~= 1 then states[part] = sub(packAnswer(0, 0, set, views0), 3) end
    views0 = views0 + set.count
  end
  holder.latest, holder.dirty = at, true
  bookParts(operation, FACT_RECORD, at, happenedAt, facts)
  if operation.idMode == 1 then
    rememberId(operation.fingerprint, at, operation.body, '')
  elseif operation.idMode == 2 then
    rememberId(operation.fingerprint, at, operation.body, packStates(sets[operation[1] + 1]))
  end
  return packBytes('<BB', RECORDED, answerFlags) .. concat(states)
end
end
