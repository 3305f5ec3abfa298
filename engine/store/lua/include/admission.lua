-- check, peek, reserve: admitted only if every limit admits.
local function decideAdmission(operation, holder, at, creditAt, answerFlags)
  local kind, setIndex, amount = operation.kind, operation[1], operation[2]
  local set = sets[setIndex + 1]
  if operation.idMode > 0 then
    local known = recallId(operation.fingerprint)
    if known and at - known.at < retentionMs then
      if known.body ~= operation.body then return packBytes('<BB', ID_CONFLICT, answerFlags) end
      local numbers = cmsgpack.unpack(known.rest)
      return replay(DECIDED, answerFlags, operation.idMode == 3 and numbers[ANSWER] or numbers)
    end
  end
  local reason = gated(operation, at)
  if reason then
    if kind ~= PEEK then bookDenial(operation, setIndex, reason, 0, amount, at, nil, 0) end
    return packBytes('<BBB', GATED, answerFlags, reason)
  end
  if operation.gate == GATE_FREE then return packBytes('<BB', DECIDED, answerFlags) end
  local instant = viewPart(operation, set, 0, at, creditAt)
  if instant then return needsWindow(instant) end

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
    if kind ~= PEEK then bookDenial(operation, setIndex, REASON_LIMIT, mask, amount, at, views, 0) end
    return packBytes('<BB', DENIED, answerFlags) .. packStates(set, views, 0) .. packBytes('<d', at)
  end
  if kind == PEEK then return packBytes('<BB', DECIDED, answerFlags) .. packStates(set, views, 0) end

  for index = 1, set.count do
    if not views[index].denies and not inRange(views[index], set[index], amount) then return packBytes('<BB', OUT_OF_RANGE, answerFlags) end
  end
  local take, entries = kind == RESERVE and hold or charge, {}
  for index = 1, set.count do
    local view, limit = views[index], set[index]
    if not view.denies then
      take(view, limit, amount)
      if kind == RESERVE then entries[#entries + 1] = packEntry(limit, view) end
    end
  end
  storeViews(operation, set, 0, at)
  holder.latest, holder.dirty = at, true
  if kind == RESERVE then
    local expiresAt = at + operation.ttl
    local record = { HELD, at, expiresAt, amount, operation.feature, table.concat(entries), rememberStates(set, views, 0, expiresAt) }
    rememberId(operation.fingerprint, expiresAt, operation.body, cmsgpack.pack(record))
    openHold(holder, operation.fingerprint, expiresAt)
    return packBytes('<BB', DECIDED, answerFlags) .. packStates(set, views, 0) .. packBytes('<d', expiresAt)
  end
  if operation.idMode > 0 then rememberId(operation.fingerprint, at, operation.body, cmsgpack.pack(rememberStates(set, views, 0, 0))) end
  bookFacts(operation, FACT_CHECK, at, at, { packFact(set, setIndex, operation[3], amount, views, 0) })
  return packBytes('<BB', DECIDED, answerFlags) .. packStates(set, views, 0)
end
