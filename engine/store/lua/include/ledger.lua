-- The outbox entry of this call: facts in order of decision, denials counted per customer, set, reason and limits.
local factGroups, denials, denialsOrder = {}, {}, {}
local FACT_LATE, FACT_METER_FIRST = 1, 2
local WINDOW_NOT_CHARGED, WINDOW_OF_BUCKET = -1, -2

-- `operation.facts` are the packed parts; see contract/fact.ts for the layout.
local function bookFacts(operation, kind, at, happenedAt, parts)
  if #parts == 0 then return end
  factGroups[#factGroups + 1] = packBytes('<H', #operation.head) .. operation.head
    .. packBytes('<ddBB', at, happenedAt, kind, #parts) .. table.concat(parts)
end

local function packFact(set, setIndex, partFlags, amount, views, views0)
  local numbers = {}
  for index = 1, set.count do
    local view = views[views0 + index]
    local limit = set[index]
    if not view.charged then
      numbers[2 * index - 1], numbers[2 * index] = WINDOW_NOT_CHARGED, 0
    elseif limit.kind == BUCKET then
      numbers[2 * index - 1], numbers[2 * index] = WINDOW_OF_BUCKET, view.level
    elseif view.chargedBefore then
      numbers[2 * index - 1], numbers[2 * index] = view.previous, view.before
    else
      numbers[2 * index - 1], numbers[2 * index] = view.start, view.used
    end
  end
  return packBytes(set.factFormat, setIndex, partFlags, amount, unpack(numbers))
end

local function bookDenial(operation, setIndex, reason, mask, amount, at, views, views0)
  local key = operation.holder .. ':' .. setIndex .. ':' .. reason .. ':' .. mask
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
    local view = views and views[views0 + index]
    line.states[index] = not view and 0 or set[index].kind == BUCKET and view.level or view.used
  end
end

local function writeLedger()
  if #factGroups == 0 and #denialsOrder == 0 then return false end
  local lines = {}
  for index, line in ipairs(denialsOrder) do
    lines[index] = packBytes('<H', #line.head) .. line.head
      .. packBytes(sets[line.setIndex + 1].denialFormat, line.setIndex, line.reason, line.mask, line.amount, line.count, line.firstAt, unpack(line.states))
  end
  local facts, refused = table.concat(factGroups), table.concat(lines)
  local entry = packBytes('<ddI4', now, version, #descriptorsArg) .. descriptorsArg
    .. packBytes('<I4', #facts) .. facts .. packBytes('<I4', #refused) .. refused
  redis.call('XADD', outboxKey, '*', 'b', entry)
  return #factGroups > 0
end
