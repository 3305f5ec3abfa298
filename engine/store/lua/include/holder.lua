-- A holder is a customer (or an entity below it): one string with the state of all its limits.
-- '<ddHc0' latest clock of an operation that wrote, earliest expiry of a hold (0: none), directory: for each limit
-- '<Bc8' mark (its kind, and 4 × its generation), tag; then for each limit its numbers:
--   bucket 'dddd'     level (whole, below 0 in debt), fraction (numerator over every), written at, every
--   quota  'ddddI4H'  window start, used, reserved, used in the window before, warnings tag, mask of crossed thresholds
--   concurrency 'd'   slots in use
-- then, of a customer, its open holds (include/holds.lua).
-- A limit that is defined anew takes the place of the one before in the next of 64 generations, so that what was held on that
-- one is not taken for its own, also where it is defined as once before.
-- Customers of one plan share their directory, so a layout is worked out once and kept by its directory; a holder is read by one unpack
-- and written by one pack.
local HEAD_FORMAT, HEAD_BYTES = '<ddHc0', 18
local ENTRY_BYTES = 9
local FORMATS = { [BUCKET] = 'dddd', [QUOTA] = 'ddddI4H', [CONCURRENCY] = 'd' }
-- Behind a bucket's level, and behind the start of a quota's window.
local FRACTION, WRITTEN_AT, EVERY = 1, 2, 3
local USED, RESERVED, BEFORE, WARNINGS_TAG, CROSSED = 1, 2, 3, 4, 5

-- The table at a place of a list whose tables serve again from call to call.
local function tableAt(list, index)
  local found = list[index]
  if not found then
    found = {}
    list[index] = found
  end
  return found
end

-- Of this call, in the order they were read; tables behind `count` are left over from calls before, and serve again.
local holders = { count = 0 }
local beginHolders, readHolder, holderOfKey, claim, writeHolders
-- Of the short ways, which write a holder's string anew and open none.
local rewrite, eachExpiryMoved
do
local WIDTHS = { [BUCKET] = 4, [QUOTA] = 6, [CONCURRENCY] = 1 }
local LAYOUTS_KEPT_MAX = 4096
local layouts, layoutsCount = {}, 0
local byKey = {}
local pairsToSet = {}
-- Of this call: the places among the keys of holders that were written anew, in order; and by place, which those are,
-- to when their earliest expiry moved, and the earliest of the holds they were given that do not stand at hand.
local rewritten, rewrittenCount, isRewritten, expiryMoved, openedElsewhere = {}, 0, {}, {}, {}

function beginHolders()
  byKey, holders.count, rewrittenCount, isRewritten, expiryMoved, openedElsewhere = {}, 0, 0, {}, {}, {}
end

local function layoutOf(directory)
  local layout = layouts[directory]
  if layout then return layout end
  local bases, marks, format, base = {}, {}, '<', 1
  for at = 1, #directory, ENTRY_BYTES do
    local mark, tag = unpackBytes('<Bc8', directory, at)
    bases[tag], marks[tag] = base, mark
    format, base = format .. FORMATS[mark % 4], base + WIDTHS[mark % 4]
  end
  layout = { directory = directory, bases = bases, marks = marks, format = format, writeFormat = HEAD_FORMAT .. sub(format, 2), width = base - 1 }
  if layoutsCount == LAYOUTS_KEPT_MAX then layouts, layoutsCount = {}, 0 end
  layouts[directory], layoutsCount = layout, layoutsCount + 1
  return layout
end

-- Every field is set, whatever the table was before.
local function openHolder(key, raw)
  holders.count = holders.count + 1
  local holder = tableAt(holders, holders.count)
  if raw then
    local latest, nextExpiry, directory, at = unpackBytes(HEAD_FORMAT, raw)
    local layout = layouts[directory] or layoutOf(directory)
    local numbers = { unpackBytes(layout.format, raw, at) }
    local after = numbers[layout.width + 1]
    holder.latest, holder.nextExpiry, holder.layout, holder.numbers = latest, nextExpiry, layout, numbers
    holder.open = after <= #raw and sub(raw, after) or ''
  else
    holder.latest, holder.nextExpiry, holder.layout, holder.numbers, holder.open = 0, 0, layoutOf(''), {}, ''
  end
  holder.key, holder.dirty, holder.expiryMoved, holder.opened = key, false, false, false
  byKey[key] = holder
  return holder
end

function readHolder(index)
  local place = 5 + index
  local key = keys[place]
  local holder = byKey[key]
  if not holder then
    holder = openHolder(key, values[place])
    -- Its numbers are in tables from here on.
    values[place] = false
    holder.dirty, holder.expiryMoved, holder.opened = isRewritten[place] or false, expiryMoved[place] ~= nil, openedElsewhere[place] or false
  end
  return holder
end

-- @param movedTo the earliest expiry, where that is another one now; elsewhere, when a hold expires that is not at hand.
function rewrite(place, raw, movedTo, elsewhere)
  values[place] = raw
  if not isRewritten[place] then
    rewrittenCount = rewrittenCount + 1
    rewritten[rewrittenCount], isRewritten[place] = place, true
  end
  if movedTo then expiryMoved[place] = movedTo end
  if elsewhere then openedElsewhere[place] = min(openedElsewhere[place] or elsewhere, elsewhere) end
end

-- Calls back with key and expiry of each holder whose earliest expiry has moved.
function eachExpiryMoved(visit)
  for index = 1, holders.count do
    local holder = holders[index]
    if holder.expiryMoved then visit(holder.key, holder.nextExpiry) end
  end
  for place, expiresAt in pairs(expiryMoved) do
    if values[place] then visit(keys[place], expiresAt) end
  end
end

-- The holder of an entity that only a hold names: nothing is written before all is decided, so it reads as the others.
function holderOfKey(key) return byKey[key] or openHolder(key, call('GET', key)) end

-- Where the numbers of a limit go; a limit seen first is appended, one defined anew takes the place of the old one.
function claim(holder, limit)
  local base = holder.layout.bases[limit.tag]
  if base then return base end
  local directory, numbers, at, mark = '', {}, 1, limit.kind
  local old = holder.layout.directory
  for entry = 1, #old, ENTRY_BYTES do
    local before = byte(old, entry)
    local width = WIDTHS[before % 4]
    if sub(old, entry + 1, entry + 5) ~= limit.key then
      directory = directory .. sub(old, entry, entry + ENTRY_BYTES - 1)
      for index = at, at + width - 1 do numbers[#numbers + 1] = holder.numbers[index] end
    else
      mark = (before - before % 4 + 4) % 256 + limit.kind
    end
    at = at + width
  end
  holder.layout, holder.numbers = layoutOf(directory .. packBytes('<Bc8', mark, limit.tag)), numbers
  return #numbers + 1
end

function writeHolders()
  local count = 0
  for index = 1, holders.count do
    local holder = holders[index]
    if holder.dirty then
      local layout = holder.layout
      local packed = packBytes(layout.writeFormat, holder.latest, holder.nextExpiry, #layout.directory, layout.directory, unpack(holder.numbers, 1, layout.width))
      pairsToSet[count + 1] = holder.key
      pairsToSet[count + 2] = holder.open == '' and packed or packed .. holder.open
      count = count + 2
    end
  end
  for index = 1, rewrittenCount do
    local place = rewritten[index]
    if values[place] then
      pairsToSet[count + 1], pairsToSet[count + 2] = keys[place], values[place]
      count = count + 2
    end
  end
  if count == 0 then return false end
  call('MSET', unpack(pairsToSet, 1, count))
  return true
end
end
