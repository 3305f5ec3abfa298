-- commit and release: the hold is undone; a commit then charges the window the hold was made in, only where it was held.
-- Repeating a settled one with the same body gets the first answer again.
local decideSettlement, decideHeartbeat
do
local function needsSet(record, answerFlags)
  return packBytes('<BBH', NEEDS_SET, answerFlags, #record.feature) .. record.feature
end

local function settledBefore(record, operation, committing, amount, answerFlags)
  local same = (record.status == COMMITTED) == committing
  -- Who does not know the feature yet does not know the scale of the amount either: the bodies are compared once it does.
  if same and record.feature ~= operation.feature then return needsSet(record, answerFlags) end
  if same and (not committing or record.settledAmount == amount) then
    local set = sets[operation[1] + 1]
    return replayHold(SETTLED, answerFlags + record.settledFlags, record.settledAnswer, record.settledTerms, record.settledShape, set)
  end
  return packBytes('<BB', record.status == COMMITTED and ALREADY_COMMITTED or ALREADY_RELEASED, answerFlags)
end

-- The view of the limit that an entry was held on: a limit defined anew since is another one.
local function viewOfEntry(operation, set, entry, holder)
  if not slotOf(holder, entry) then return nil end
  for index = 1, set.count do
    if set[index].tag == entry.tag and holderOf(operation, set[index]) == holder then return views[index], set[index] end
  end
  return nil
end

local function commitInView(view, limit, entry, amount)
  if limit.kind == CONCURRENCY then return false end
  if limit.kind == BUCKET or entry.start == view.start then
    charge(view, limit, amount)
  elseif entry.start == view.previous then
    view.before, view.changed, view.charged, view.chargedBefore = view.before + amount, true, true, true
  else
    return true
  end
  return false
end

local function commitInSlot(holder, entry, amount)
  local base, numbers = slotOf(holder, entry), holder.numbers
  if not base then return end
  if entry.kind == BUCKET then
    numbers[base] = numbers[base] - amount
  elseif entry.kind == QUOTA and numbers[base] == entry.start then
    numbers[base + USED] = numbers[base + USED] + amount
  end
  holder.dirty = true
end

local function entryInRange(view, limit, entry, held, amount)
  if limit.kind == CONCURRENCY then return true end
  if limit.kind == BUCKET then return amount <= AMOUNT_MAX + min(limit.capacity, view.level + held) end
  if entry.start == view.start then return amount <= AMOUNT_MAX - view.used - withoutHold(view.reserved, held) end
  return entry.start ~= view.previous or amount <= AMOUNT_MAX - view.before
end

function decideSettlement(operation, holder, at, creditAt, answerFlags)
  local known = recallHold(holder, operation.fingerprint)
  if not known or at - known.at >= retentionMs then return packBytes('<BB', UNKNOWN_RESERVATION, answerFlags) end
  local record, committing = readRecord(known), operation.kind == COMMIT
  local setIndex, amount, held = operation[1], operation[2], record.amount
  if record.status == COMMITTED or record.status == RELEASED then
    return settledBefore(record, operation, committing, amount, answerFlags)
  end
  local expired = record.status == EXPIRED
  local late = expired or record.expiresAt <= at
  if late and not committing then return packBytes('<BB', RESERVATION_EXPIRED, answerFlags) end
  if record.feature ~= operation.feature then return needsSet(record, answerFlags) end
  local set, entries = sets[setIndex + 1], readEntries(record)
  local lacking = viewPart(operation, set, 0, at, creditAt)
  if lacking then return lacking end
  if committing then
    for _, entry in ipairs(entries) do
      local view, limit = viewOfEntry(operation, set, entry, holderOfEntry(holder, record, entry))
      if view and not entryInRange(view, limit, entry, expired and 0 or held, amount) then return packBytes('<BB', OUT_OF_RANGE, answerFlags) end
    end
  end

  local ledgerOnly = false
  for _, entry in ipairs(entries) do
    local entryHolder = holderOfEntry(holder, record, entry)
    local view, limit = viewOfEntry(operation, set, entry, entryHolder)
    if view then
      -- A window that is over keeps its counters until it is written anew, and a clock that is set back finds them.
      if not expired and not undoInView(view, limit, entry, held) then undoInSlot(entryHolder, entry, held) end
      if committing then ledgerOnly = commitInView(view, limit, entry, amount) or ledgerOnly end
    else
      if not expired then undoInSlot(entryHolder, entry, held) end
      if committing then commitInSlot(entryHolder, entry, amount) end
    end
  end
  storeViews(operation, set, 0, at)
  holder.latest, holder.dirty = at, true

  local settledFlags = (late and LATE or 0) + (committing and amount > held and OVERRUN or 0)
  local answer = packAnswer(SETTLED, answerFlags + settledFlags, set, 0)
  if not expired then closeHold(holder, operation.fingerprint, known) end
  rememberSettled(
    operation.fingerprint, at, known.body, committing and COMMITTED or RELEASED, record.shape, set.shape, record.feature, record.answer,
    committing and amount or 0, settledFlags, answer, record.terms, packTerms(set, 0)
  )
  if committing then
    local partFlags = operation[3] + (ledgerOnly and FACT_LATE or 0)
    bookFact(operation, FACT_COMMIT, at, record.heldAt, set, setIndex, partFlags, amount)
  end
  return answer
end

-- heartbeat: moves the expiry of an open hold to a ttl from now; its caller is alive.
function decideHeartbeat(operation, holder, at, creditAt, answerFlags)
  local known = recallHold(holder, operation.fingerprint)
  if not known or at - known.at >= retentionMs then return packBytes('<BB', UNKNOWN_RESERVATION, answerFlags) end
  local record = readRecord(known)
  if record.status == COMMITTED then return packBytes('<BB', ALREADY_COMMITTED, answerFlags) end
  if record.status == RELEASED then return packBytes('<BB', ALREADY_RELEASED, answerFlags) end
  if record.status == EXPIRED or record.expiresAt <= at then return packBytes('<BB', RESERVATION_EXPIRED, answerFlags) end
  if record.feature ~= operation.feature then return needsSet(record, answerFlags) end
  local set = sets[operation[1] + 1]
  local lacking = viewPart(operation, set, 0, at, creditAt)
  if lacking then return lacking end
  record.expiresAt = at + operation.ttl
  openHold(holder, operation.fingerprint, record.expiresAt, known.body, packAgain(record), true)
  holder.latest, holder.dirty = at, true
  return packAnswer(DECIDED, answerFlags, set, 0) .. packBytes('<d', record.expiresAt)
end
end
