-- check, peek, reserve: admitted only if every limit admits.
local decideAdmission
do
local function packEntries(operation, set)
  local entries = ''
  for index = 1, set.count do
    local view, limit = views[index], set[index]
    if not view.denies then
      local mark = holderOf(operation, limit).layout.marks[limit.tag]
      entries = entries .. packBytes('<BBc8d', mark, limit.slot, limit.tag, limit.kind == QUOTA and view.start or 0)
    end
  end
  return entries
end

function decideAdmission(operation, holder, at, creditAt, answerFlags)
  local kind, setIndex, amount = operation.kind, operation[1], operation[2]
  local set = sets[setIndex + 1]
  if operation.idMode > 0 then
    local known
    if operation.idMode == 3 then known = recallHold(holder, operation.fingerprint) else known = recallId(operation.fingerprint) end
    if known and at - known.at < retentionMs then
      if known.body ~= operation.body then return packBytes('<BB', ID_CONFLICT, answerFlags) end
      if operation.idMode ~= 3 then return replayStates(DECIDED, answerFlags, known.rest, set) end
      local record = readRecord(known)
      return replayHold(DECIDED, answerFlags, record.answer, record.terms, record.shape, set)
    end
  end
  local reason = gated(operation, at)
  if reason then
    if kind ~= PEEK then bookDenial(operation, setIndex, reason, 0, amount, at, false) end
    return packBytes('<BBB', GATED, answerFlags, reason)
  end
  if operation.gate == GATE_FREE then return packBytes('<BB', DECIDED, answerFlags) end
  local lacking = viewPart(operation, set, 0, at, creditAt)
  if lacking then return lacking end

  local mask, bit = 0, 1
  for index = 1, set.count do
    local view, limit = views[index], set[index]
    if not admits(view, limit, amount) then
      view.denies = true
      if not limit.shadow then mask = mask + bit end
    end
    bit = bit * 2
  end
  if mask > 0 then
    if kind ~= PEEK then bookDenial(operation, setIndex, REASON_LIMIT, mask, amount, at, true) end
    return packAnswer(DENIED, answerFlags, set, 0) .. packBytes('<d', at)
  end
  if kind == PEEK then return packAnswer(DECIDED, answerFlags, set, 0) end

  for index = 1, set.count do
    if not views[index].denies and not inRange(views[index], set[index], amount) then return packBytes('<BB', OUT_OF_RANGE, answerFlags) end
  end
  if idsFull and operation.idMode > 0 then return packBytes('<BB', ID_MEMORY_FULL, answerFlags) end
  local take = kind == RESERVE and hold or charge
  for index = 1, set.count do
    if not views[index].denies then take(views[index], set[index], amount) end
  end
  storeViews(operation, set, 0, at)
  holder.latest, holder.dirty = at, true
  if kind == RESERVE then
    local expiresAt = at + operation.ttl
    local answer = packAnswer(DECIDED, answerFlags, set, 0) .. packBytes('<d', expiresAt)
    local record = packHeld(HELD, set.shape, at, amount, operation.feature, packEntries(operation, set), answer, packTerms(set, 0), entityKeys(operation))
    openHold(holder, operation.fingerprint, expiresAt, operation.body, record, false)
    return answer
  end
  if operation.idMode > 0 then rememberId(operation.fingerprint, at, operation.body, packStates(set)) end
  bookFact(operation, FACT_CHECK, at, at, set, setIndex, operation[3], amount)
  return packAnswer(DECIDED, answerFlags, set, 0)
end
end
