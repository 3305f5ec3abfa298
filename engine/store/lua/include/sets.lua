-- The sets of limits of this call. A set is parsed once and kept by its bytes, since all customers of a plan share it.
-- ARGV[2]: each set '<Hc0'; a set: '<Bc3' number of limits, shape (which limits they are), then each: '<BBBc8' kind (1 bucket, 2 quota, 3 concurrency), shadow, holder
-- slot (0 the customer, else the n-th entity of the operation), tag; then
--   bucket '<ddd'       capacity, refill amount, every (ms), the rate in lowest terms
--   quota  '<ddddddI4B' included, hard (-1: none), previous start, start, end, next end (ms), warnings tag, thresholds;
--                       each threshold '<Hd' percent, least amount at which it is crossed, ascending
--   concurrency '<d'   slots
-- A tag is 5 bytes of the limit's identity and 3 of its definition: another definition starts new.
local BUCKET, QUOTA, CONCURRENCY = 1, 2, 3

-- Lua allows a chunk 200 locals: what only this part needs stays in its block.
local sets, readSets, wayAdded = {}, nil, nil
do
local SETS_KEPT_MAX, WAYS_KEPT_MAX = 4096, 16384
local knownSets, knownSetsCount, waysCount = {}, 0, 0

local function forgetSets() knownSets, knownSetsCount, waysCount = {}, 0, 0 end

-- A set has a way for each directory that was met under it, and some have a directory for each customer.
function wayAdded()
  waysCount = waysCount + 1
  if waysCount == WAYS_KEPT_MAX then forgetSets() end
end

local function parseSet(raw)
  local count, shape, at = unpackBytes('<Bc3', raw)
  local set = {
    count = count,
    shape = shape,
    -- Of whose limits alone its ways are.
    slot = 0,
    -- Its short ways, by directory (include/short-way.lua).
    check = { name = 'check' },
    reserve = { name = 'reserve' },
    commit = { name = 'commit' },
    release = { name = 'release' },
    record = { name = 'record' },
    answerFormat = '<BB' .. string.rep('BHdd', count),
    plainFormat = '<B' .. string.rep('dd', count),
    plainHeldFormat = '<B' .. string.rep('dd', count) .. 'd',
    plainSettledFormat = '<BB' .. string.rep('dd', count),
    factFormat = '<Hc0ddBBHBd' .. string.rep('dd', count),
    numbersFormat = '<' .. string.rep('dd', count),
    partFormat = '<HBd' .. string.rep('dd', count),
    denialFormat = '<HBddI4d' .. string.rep('d', count),
  }
  for index = 1, count do
    local kind, shadow, slot, tag
    kind, shadow, slot, tag, at = unpackBytes('<BBBc8', raw, at)
    local limit = { kind = kind, shadow = shadow == 1, slot = slot, tag = tag, key = sub(tag, 1, 5) }
    if kind == BUCKET then
      limit.capacity, limit.amount, limit.every, at = unpackBytes('<ddd', raw, at)
    elseif kind == CONCURRENCY then
      limit.slots, at = unpackBytes('<d', raw, at)
    else
      local thresholds
      limit.included, limit.hard, limit.previousStart, limit.start, limit.finish, limit.nextFinish, limit.warningsTag, thresholds, at =
        unpackBytes('<ddddddI4B', raw, at)
      limit.cap, limit.nextWarnings = limit.hard < 0 and AMOUNT_MAX or limit.hard, {}
      if thresholds > 0 then
        limit.percents, limit.amounts = {}, {}
        for threshold = 1, thresholds do
          limit.percents[threshold], limit.amounts[threshold], at = unpackBytes('<Hd', raw, at)
        end
      end
    end
    set[index] = limit
  end
  return set
end

function readSets(setsArg)
  sets = {}
  local at, length, count = 1, #setsArg, 0
  while at <= length do
    local raw
    raw, at = unpackBytes('<Hc0', setsArg, at)
    local set = knownSets[raw]
    if not set then
      if knownSetsCount == SETS_KEPT_MAX then forgetSets() end
      set = parseSet(raw)
      knownSets[raw], knownSetsCount = set, knownSetsCount + 1
    end
    count = count + 1
    sets[count] = set
  end
end
end
