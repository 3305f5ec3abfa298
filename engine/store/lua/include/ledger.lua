-- The outbox entry of this call: facts in order of decision, denials counted per customer, entity, set, reason and limits.
local factGroups = {}
local views = {}
local FACT_LATE = 1
local WINDOW_NOT_CHARGED, WINDOW_OF_BUCKET = -1, -2
local scratch = {}

local beginLedger, bookFact, packPart, bookParts, bookDenial, writeLedger
do
local denials, denialsOrder = {}, {}

-- The first place of factGroups is the entry's header.
function beginLedger() factGroups, denials, denialsOrder = { '' }, {}, {} end

-- The numbers of one fact into scratch: what each limit's counter is after it.
local function factNumbers(set, views0)
  for index = 1, set.count do
    local view = views[views0 + index]
    local at = 2 * index
    if not view.charged then
      scratch[at - 1], scratch[at] = WINDOW_NOT_CHARGED, 0
    elseif set[index].kind == BUCKET then
      scratch[at - 1], scratch[at] = WINDOW_OF_BUCKET, view.level
    elseif view.chargedBefore then
      scratch[at - 1], scratch[at] = view.previous, view.before
    else
      scratch[at - 1], scratch[at] = view.start, view.used
    end
  end
  return unpack(scratch, 1, 2 * set.count)
end

-- A group of one fact: checks and commits.
function bookFact(operation, kind, at, happenedAt, set, setIndex, partFlags, amount)
  factGroups[#factGroups + 1] = packBytes(
    set.factFormat, #operation.head, operation.head, at, happenedAt, kind, 1, setIndex, partFlags, amount, factNumbers(set, 0)
  )
end

function packPart(set, setIndex, partFlags, amount, views0)
  return packBytes(set.partFormat, setIndex, partFlags, amount, factNumbers(set, views0))
end

function bookParts(operation, kind, at, happenedAt, parts)
  factGroups[#factGroups + 1] = packBytes('<Hc0ddBB', #operation.head, operation.head, at, happenedAt, kind, #parts) .. concat(parts)
end

function bookDenial(operation, setIndex, reason, mask, amount, at, viewed)
  if dropsDenials then return end
  local entity = operation.further and operation.further[#operation.further] or 0
  local key = operation.holder .. ':' .. entity .. ':' .. setIndex .. ':' .. reason .. ':' .. mask
  local line = denials[key]
  if not line then
    line = { head = operation.head, setIndex = setIndex, reason = reason, mask = mask, amount = 0, count = 0, firstAt = at }
    denials[key] = line
    denialsOrder[#denialsOrder + 1] = line
  end
  line.amount, line.count = min(line.amount + amount, AMOUNT_MAX), line.count + 1
  local set = sets[setIndex + 1]
  line.states = {}
  for index = 1, set.count do
    local view = views[index]
    line.states[index] = viewed and headNumber(view, set[index]) or 0
  end
end

function writeLedger(outboxKey)
  local groups = #factGroups
  if groups == 1 and #denialsOrder == 0 then return false end
  local factsBytes = 0
  for index = 2, groups do factsBytes = factsBytes + #factGroups[index] end
  local lines = {}
  for index, line in ipairs(denialsOrder) do
    lines[index] = packBytes('<H', #line.head) .. line.head
      .. packBytes(sets[line.setIndex + 1].denialFormat, line.setIndex, line.reason, line.mask, line.amount, line.count, line.firstAt, unpack(line.states))
  end
  local refused = concat(lines)
  factGroups[1] = packBytes('<ddI4', now, version, #descriptorsArg) .. descriptorsArg .. packBytes('<I4', factsBytes)
  factGroups[groups + 1] = packBytes('<I4', #refused)
  factGroups[groups + 2] = refused
  call('XADD', outboxKey, '*', 'b', concat(factGroups))
  return true
end
end
