-- The batch: every operation in order, each seeing those before it; an atomic group is admitted whole or undone whole.
local decideAll
do
local PLAIN_FORMAT = '<BHHdBddHc0'
local PLAIN_HOLD_FORMAT = '<BHHdBddHc0c16c8dHc0'
local PLAIN, PLAIN_RESERVE = 0, 10
local KIND_OF_PLAIN = { [PLAIN_RESERVE] = RESERVE, [11] = COMMIT, [12] = RELEASE }

local function clockOf(holder)
  if now >= holder.latest then return now, now, 0 end
  if holder.latest - now <= CLOCK_BEHIND_MS_MAX then return holder.latest, holder.latest, 0 end
  -- A clock fault: taken as it is, and no bucket is credited (every bucket was written after "never").
  return now, -1, CLOCK_FAULT
end

local function expireDueHolds(operation)
  local holder = readHolder(operation.holder)
  expireHolds(holder, (clockOf(holder)))
end

-- Holds that are due have been given back.
local function decideOne(operation)
  local holder = readHolder(operation.holder)
  local at, creditAt, answerFlags = clockOf(holder)
  local kind = operation.kind
  if kind == CHECK or kind == PEEK or kind == RESERVE then return decideAdmission(operation, holder, at, creditAt, answerFlags) end
  if kind == RECORD then return decideRecord(operation, holder, at, creditAt, answerFlags) end
  if kind == COMMIT or kind == RELEASE then return decideSettlement(operation, holder, at, creditAt, answerFlags) end
  if kind == VOID then return decideVoid(operation, holder, at, creditAt, answerFlags) end
  if kind == HEARTBEAT then return decideHeartbeat(operation, holder, at, creditAt, answerFlags) end
  return packBytes('<BB', RECORDED, answerFlags)
end

local function copyHolder(holder)
  local copy = {}
  for key, value in pairs(holder) do copy[key] = value end
  copy.numbers = { unpack(holder.numbers, 1, holder.layout.width) }
  return copy
end

-- All or none: when one is refused, state, ids, holds and facts of the group go back to where they were.
local function decideGroup(group)
  -- Before anything is saved: expired holds stay given back, whatever becomes of the group, and may be on any holder.
  expireDueHolds(group[1])
  -- Before anything is decided: who lacks a window asks again, and its denials would be counted twice.
  local lacking, isLacking = {}, false
  for index, operation in ipairs(group) do
    local at, creditAt = clockOf(readHolder(operation.holder))
    lacking[index] = viewPart(operation, sets[operation[1] + 1], 0, at, creditAt) or false
    isLacking = isLacking or lacking[index]
  end
  if isLacking then
    for index = 1, #group do lacking[index] = lacking[index] or needsWindow(now, 0) end
    return lacking
  end
  local saved = {}
  for _, operation in ipairs(group) do
    for _, index in ipairs({ operation.holder, unpack(operation.further or {}) }) do
      local holder = readHolder(index)
      saved[holder] = saved[holder] or copyHolder(holder)
    end
  end
  local idsMark, factsMark, holdsMark = #idsOrder, #factGroups, #holdCommands
  local answers, refused = {}, false
  for index, operation in ipairs(group) do
    local answer = decideOne(operation)
    refused = refused or byte(answer) ~= DECIDED
    answers[index] = answer
  end
  if not refused then return answers end

  for holder, copy in pairs(saved) do
    for field, value in pairs(copy) do holder[field] = value end
  end
  for index = #idsOrder, idsMark + 1, -1 do
    ids[idsOrder[index]] = nil
    idsOrder[index] = nil
  end
  for index = #factGroups, factsMark + 1, -1 do factGroups[index] = nil end
  for index = #holdCommands, holdsMark + 1, -1 do holdCommands[index] = nil end
  for index, operation in ipairs(group) do
    if byte(answers[index]) == DECIDED and byte(answers[index], 2) % 2 == 0 then
      local at, creditAt, answerFlags = clockOf(readHolder(operation.holder))
      viewPart(operation, sets[operation[1] + 1], 0, at, creditAt)
      answers[index] = packAnswer(UNDONE_BY_BATCH, answerFlags, sets[operation[1] + 1], 0)
    end
  end
  return answers
end

-- A plain operation that cannot go the short way.
local function fillPlain(operation, kind, holder, setIndex, amount, partFlags, startsAt, endsAt, head)
  operation.kind, operation.gate, operation.holder, operation.group, operation.further = kind, GATE_OPEN, holder, 0, nil
  operation.startsAt, operation.endsAt, operation.happenedAt, operation.idMode = startsAt, endsAt, 0, 0
  operation.head, operation.parts = head, 1
  operation[1], operation[2], operation[3] = setIndex, amount, partFlags
end

local function fillHold(operation, fingerprint, body, ttl, feature)
  operation.idMode, operation.fingerprint, operation.body, operation.ttl, operation.feature = 3, fingerprint, body, ttl, feature
end

-- A plain operation, by the short way where it can. Returns its answer, and where the next one starts.
local function decidePlain(operation, at)
  local _, holder, setIndex, amount, partFlags, startsAt, endsAt, head, after = unpackBytes(PLAIN_FORMAT, operationsArg, at)
  local answer = decideShort(holder, startsAt, endsAt, head, setIndex, amount, partFlags)
  if answer then return answer, after end
  fillPlain(operation, CHECK, holder, setIndex, amount, partFlags, startsAt, endsAt, head)
  expireDueHolds(operation)
  return decideOne(operation), after
end

local function decidePlainHold(operation, at)
  local plainKind, holder, setIndex, amount, partFlags, startsAt, endsAt, head, fingerprint, body, ttl, feature, after =
    unpackBytes(PLAIN_HOLD_FORMAT, operationsArg, at)
  local kind, answer = KIND_OF_PLAIN[plainKind], nil
  if kind == RESERVE then
    answer = reserveShort(holder, startsAt, endsAt, setIndex, amount, fingerprint, body, ttl, feature)
  else
    answer = settleShort(kind, holder, head, setIndex, amount, partFlags, fingerprint, feature)
  end
  if answer then return answer, after end
  fillPlain(operation, kind, holder, setIndex, amount, partFlags, startsAt, endsAt, head)
  fillHold(operation, fingerprint, body, ttl, feature)
  expireDueHolds(operation)
  return decideOne(operation), after
end

-- What is not plain by a short way, where there is one.
local function decideUsual(operation)
  local kind = operation.kind
  if operation.further then return nestedShort(operation) end
  if kind == RECORD then return recordShort(operation) end
  return kind == CHECK and operation.idMode > 0 and checkOnceShort(operation) or nil
end

-- The answers in order, from the second place on: the first is the reply's header.
function decideAll(operationCount)
  local answers, at, left, count = { '' }, 1, operationCount, 1
  local operation = {}
  while left > 0 do
    count, left = count + 1, left - 1
    local kind = byte(operationsArg, at)
    if kind == PLAIN then
      answers[count], at = decidePlain(operation, at)
    elseif kind >= PLAIN_RESERVE then
      answers[count], at = decidePlainHold(operation, at)
    else
      at = readOperation(operation, at)
      local group = operation.group
      if group == 0 then
        local answer = decideUsual(operation)
        if not answer then
          expireDueHolds(operation)
          answer = decideOne(operation)
        end
        answers[count] = answer
      else
        local members = { operation }
        for index = 2, group do
          members[index] = {}
          at = readOperation(members[index], at)
        end
        for index, each in ipairs(decideGroup(members)) do answers[count + index - 1] = each end
        count, left, operation = count + group - 1, left - group + 1, {}
      end
    end
  end
  return answers
end
end
