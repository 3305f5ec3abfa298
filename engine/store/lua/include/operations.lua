-- One operation: '<BBHHBdddB' kind, gate, holder, group, further holders, starts at, ends at, happened at (0: now), id mode
--   · '<H' per further holder · id mode 1 (remember that it was), 2 (remember the answer): 'c16c8' fingerprint, body
--   · id mode 3 (reservation): 'c16c8d' fingerprint, body, ttl (ms) · '<H' length, feature (and entity) of the hold
--   · '<H' length, head · 'B' parts, each '<HdB' set, amount, flags (contract/fact.ts)
--   · of a void, for each part: 'B' limits of its fact, each '<Bd' place in the set (0: none), window charged (-2: a bucket)
-- A plain check, which nearly all are, comes shorter: '<BHHdBddHc0' 0, holder, set, amount, flags, starts at, ends at, head.
-- So do reservations by limits alone, their commits and releases: '<BHHdBddHc0c16c8dHc0' 10, 11 or 12, as above, then fingerprint, body,
-- ttl (ms), feature of the hold.
-- gate: 0 decide by the limits, 255 allowed without limits, else 1 + the reason it is denied for.
-- group: number of operations of an atomic group, on its first; 0 elsewhere.
local CHECK, PEEK, RECORD, RESERVE, COMMIT, RELEASE, TOUCH, HEARTBEAT, VOID = 1, 2, 3, 4, 5, 6, 7, 8, 9
local FACT_CHECK, FACT_RECORD, FACT_COMMIT = 0, 1, 2
local REASON_LIMIT, REASON_NOT_STARTED, REASON_EXPIRED = 0, 2, 3
local GATE_OPEN, GATE_FREE = 0, 255

-- Lua allows a chunk 200 locals: what only this part needs stays in its block.
local readOperation
do
local OPERATION_FORMAT = '<BBHHBdddB'

local function readVoided(operation, at)
  operation.voided = {}
  for part = 1, operation.parts do
    local limits, count = {}, nil
    count, at = unpackBytes('<B', operationsArg, at)
    for index = 1, count do
      local charged = {}
      charged.place, charged.start, at = unpackBytes('<Bd', operationsArg, at)
      limits[index] = charged
    end
    operation.voided[part] = limits
  end
  return at
end

-- `operation` is filled anew: one table serves all operations but those of an atomic group.
function readOperation(operation, at)
  local further, idMode, length, parts
  operation.kind, operation.gate, operation.holder, operation.group, further, operation.startsAt, operation.endsAt,
    operation.happenedAt, idMode, at = unpackBytes(OPERATION_FORMAT, operationsArg, at)
  operation.idMode = idMode
  operation.further = nil
  if further > 0 then
    operation.further = {}
    for index = 1, further do operation.further[index], at = unpackBytes('<H', operationsArg, at) end
  end
  if idMode == 3 then
    operation.fingerprint, operation.body, operation.ttl, operation.feature, at = unpackBytes('<c16c8dHc0', operationsArg, at)
  elseif idMode > 0 then
    operation.fingerprint, operation.body, at = unpackBytes('<c16c8', operationsArg, at)
  end
  operation.head, parts, at = unpackBytes('<Hc0B', operationsArg, at)
  operation.parts = parts
  for index = 1, parts do
    local base = 3 * index
    operation[base - 2], operation[base - 1], operation[base], at = unpackBytes('<HdB', operationsArg, at)
  end
  if operation.kind == VOID then return readVoided(operation, at) end
  return at
end
end

local function holderOf(operation, limit)
  if limit.slot == 0 then return readHolder(operation.holder) end
  return readHolder(operation.further[limit.slot])
end

local function needsWindow(instant, place) return packBytes('<BBdH', NEEDS_WINDOW, 0, instant, place) end

-- Views of one part's limits from views0 on; the answer where one's window is missing, else nil.
local function viewPart(operation, set, views0, at, creditAt)
  for index = 1, set.count do
    local limit = set[index]
    local instant = viewLimit(tableAt(views, views0 + index), limit, holderOf(operation, limit), limit.kind == BUCKET and creditAt or at)
    if instant then return needsWindow(instant, views0 + index) end
  end
  return nil
end

local function storeViews(operation, set, views0, at)
  -- A claim lays the holder out anew, and the bases seen before are void: also those of an operation's later parts.
  local claimed = views0 > 0
  for index = 1, set.count do
    local view, limit = views[views0 + index], set[index]
    if view.changed then
      if claimed then view.base = holderOf(operation, limit).layout.bases[limit.tag] end
      claimed = claimed or not view.base
      storeView(view, limit, holderOf(operation, limit), at)
    end
  end
end

local function gated(operation, at)
  if operation.gate ~= GATE_OPEN and operation.gate ~= GATE_FREE then return operation.gate - 1 end
  if at < operation.startsAt then return REASON_NOT_STARTED end
  if at >= operation.endsAt then return REASON_EXPIRED end
  return nil
end

-- The keys of the entities' holders of an operation, in the order of their slots.
local function entityKeys(operation)
  local found = {}
  for index, holder in ipairs(operation.further or {}) do found[index] = keys[5 + holder] end
  return found
end
