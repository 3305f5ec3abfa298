-- The sets of limits of this call, parsed once each however many operations refer to them.
-- A set: 'B' number of limits, then each: '<BBBc8' kind (1 bucket, 2 quota), shadow, holder slot, tag; then
--   bucket '<ddd'       capacity, refill amount, every (ms), the rate in lowest terms
--   quota  '<ddddddI4B' included, hard (-1: none), previous start, start, end, next end (ms), warnings tag, thresholds;
--                       each threshold '<Hd' percent, least amount at which it is crossed, ascending
-- A tag is 5 bytes of the limit's identity and 3 of its definition: another definition starts new.
local BUCKET, QUOTA = 1, 2

local function parseSets()
  local sets, at, length = {}, 1, #setsArg
  while at <= length do
    local count
    count, at = unpackBytes('<B', setsArg, at)
    local set = { count = count, factFormat = '<HBd' .. string.rep('dd', count), denialFormat = '<HBddI4d' .. string.rep('d', count) }
    for index = 1, count do
      local kind, shadow, slot, tag
      kind, shadow, slot, tag, at = unpackBytes('<BBBc8', setsArg, at)
      local limit = { kind = kind, shadow = shadow == 1, slot = slot, tag = tag, key = sub(tag, 1, 5) }
      if kind == BUCKET then
        limit.capacity, limit.amount, limit.every, at = unpackBytes('<ddd', setsArg, at)
      else
        local thresholds
        limit.included, limit.hard, limit.previousStart, limit.start, limit.finish, limit.nextFinish, limit.warningsTag, thresholds, at =
          unpackBytes('<ddddddI4B', setsArg, at)
        if thresholds > 0 then
          limit.percents, limit.amounts = {}, {}
          for threshold = 1, thresholds do
            limit.percents[threshold], limit.amounts[threshold], at = unpackBytes('<Hd', setsArg, at)
          end
        end
      end
      set[index] = limit
    end
    sets[#sets + 1] = set
  end
  return sets
end

local sets = parseSets()
