-- A short way (include/short-way.lua) is a function from a holder's string to its next one, and it is compiled, as databases
-- compile their queries: each number of a limit is a local of its own there, where code for whatever limits goes through
-- tables. Its source depends on the kinds of the limits and on where they stand in the layout alone, so
-- few are compiled, and none of it is text of a caller's; a closure of one is kept with each set and directory.
-- Where a set has limits of entities too, each holder has a way of its own, of a layer of the set (include/layers.lua), and what
-- it returns is the layer's part of answer and fact.
-- In the sources below # stands for the limit's place in its set, and @ for a list of all limits' expressions.
local wayOf
-- A hold at hand behind its fingerprint: expiry, body, length of the record, the record (include/holds.lua).
local OPEN_HELD_FIELDS = 'dc8H' .. HELD_FIELDS
do
local EXACT_PRODUCT_MAX = 4503599627370496
-- A function of Lua has at most 60 upvalues, and a limit takes up to six.
local LIMITS_MAX = 8
local COMPILED_MAX = 1024
-- Of a record besides its texts.
local HELD_BYTES = 29

-- What a bucket's level and fraction are at an instant; nil for what only the long way reckons.
local REFILL = [[
  local product = (at - written#) * rate#
  if every# ~= period# or level# < 0 or product < 0 or product > EXACT_PRODUCT_MAX then return nil end
  if level# < size# then
    local part = product + fraction#
    fraction# = part % every#
    level# = level# + (part - fraction#) / every#
  end
  if level# >= size# then level#, fraction# = size#, 0 end
]]
local TAKE = REFILL .. [[
  if level# < amount then return nil end
  level# = level# - amount
]]
local CURRENT = [[
  if start# ~= begin# or at < start# or at >= finish# then return nil end
]]
local UNWARNED = [[
  local warning = nextWarnings#[crossed#] or nextWarning(limit#, crossed#)
  if tag# ~= warningsTag# or warning >= 0 and used# >= warning then return nil end
]]

local SLOT_IS_FREE = [[
  if inUse# >= slots# then return nil end
]]
local GIVE_BACK = {
  [BUCKET] = REFILL .. [[
  level# = level# + held
  if level# >= size# then level#, fraction# = size#, 0 end
]],
  [QUOTA] = CURRENT .. [[
  reserved# = reserved# - held
  if reserved# < 0 then return nil end
]],
  [CONCURRENCY] = [[
  inUse# = max(inUse# - 1, 0)
]],
}

local LAYER_RESULT = [[
  return pack(STATE, @state, tail), pack(set.numbersFormat@answer), pack(set.numbersFormat@fact)
]]

local WAYS = {
  check = {
    parameters = 'head, setIndex, partFlags',
    layerParameters = 'none',
    [BUCKET] = TAKE,
    [QUOTA] = CURRENT .. [[
  used# = used# + amount
  if used# + reserved# > cap# then return nil end
]] .. UNWARNED,
    [CONCURRENCY] = SLOT_IS_FREE,
    result = [[
  return pack(STATE, @state, tail), pack(set.plainFormat, DECIDED_PLAIN@answer),
    pack(set.factFormat, #head, head, at, at, FACT_CHECK, 1, setIndex, partFlags, amount@fact)@answer
]],
    layerResult = LAYER_RESULT,
  },
  reserve = {
    parameters = 'atHand, fingerprint, body, expiresAt, feature, entries, terms',
    [BUCKET] = TAKE,
    [QUOTA] = CURRENT .. [[
  reserved# = reserved# + amount
  if used# + reserved# > cap# then return nil end
]],
    [CONCURRENCY] = SLOT_IS_FREE .. [[
  inUse# = inUse# + 1
]],
    result = [[
  local moves = nextExpiry == 0 or expiresAt < nextExpiry
  if moves then nextExpiry = expiresAt end
  local answer = pack(set.plainHeldFormat, DECIDED_PLAIN@answer, expiresAt)
  if not atHand then return pack(STATE, @state, tail), answer, moves end
  return pack(STATE_AND_HOLD, @state, tail, fingerprint, expiresAt, body, HELD_BYTES + #feature + #entries + #answer + #terms,
    HELD, set.shape, at, amount, #feature, feature, #entries, entries, #answer, answer, #terms, terms, 0), answer, moves
]],
    layerParameters = 'expiresAt',
    layerResult = [[
  if expiresAt and (nextExpiry == 0 or expiresAt < nextExpiry) then nextExpiry = expiresAt end
  return pack(STATE, @state, tail), pack(set.numbersFormat@answer), ''
]],
  },
  commit = {
    parameters = 'held, heldAt, settledFlags, head, setIndex, partFlags',
    [BUCKET] = GIVE_BACK[BUCKET] .. [[
  level# = level# - amount
]],
    [QUOTA] = GIVE_BACK[QUOTA] .. [[
  used# = used# + amount
  if used# + reserved# > AMOUNT_MAX then return nil end
]] .. UNWARNED,
    [CONCURRENCY] = GIVE_BACK[CONCURRENCY],
    result = [[
  return pack(STATE, @state, tail), pack(set.plainSettledFormat, SETTLED_PLAIN, settledFlags@answer),
    pack(set.factFormat, #head, head, at, heldAt, FACT_COMMIT, 1, setIndex, partFlags, amount@fact)
]],
    layerParameters = 'held',
    layerResult = LAYER_RESULT,
  },
  release = {
    parameters = 'held, heldAt, settledFlags',
    [BUCKET] = GIVE_BACK[BUCKET],
    [QUOTA] = GIVE_BACK[QUOTA],
    [CONCURRENCY] = GIVE_BACK[CONCURRENCY],
    result = [[
  return pack(STATE, @state, tail), pack(set.plainSettledFormat, SETTLED_PLAIN, settledFlags@answer)
]],
    layerParameters = 'held',
    layerResult = [[
  return pack(STATE, @state, tail), pack(set.numbersFormat@answer), ''
]],
  },
  -- A bucket that has refilled the amount since it happened is left alone.
  record = {
    parameters = 'chargeAt, setIndex, partFlags',
    layerParameters = 'chargeAt',
    start = { [BUCKET] = 'local window#, after# = WINDOW_NOT_CHARGED, 0\n' },
    state = { [BUCKET] = 'level#, fraction#, written#, every#' },
    fact = { [BUCKET] = ', window#, after#' },
    [BUCKET] = [[
  local since = (at - chargeAt) * rate#
  if level# < 0 or since > EXACT_PRODUCT_MAX then return nil end
  if since < amount * period# then
]] .. REFILL .. [[
    level# = level# - amount
    written#, window#, after# = at, WINDOW_OF_BUCKET, level#
  end
]],
    [QUOTA] = CURRENT .. [[
  if chargeAt < start# or amount > AMOUNT_MAX - used# - reserved# then return nil end
  used# = used# + amount
]] .. UNWARNED,
    [CONCURRENCY] = '',
    result = [[
  return pack(STATE, @state, tail), pack(set.partFormat, setIndex, partFlags, amount@fact)
]],
    layerResult = LAYER_RESULT,
  },
}
local KINDS = {
  [BUCKET] = {
    terms = 'local rate#, period#, size# = set[@place].amount, set[@place].every, set[@place].capacity',
    bytes = 32, format = FORMATS[BUCKET], names = 'level#, fraction#, written#, every#', state = 'level#, fraction#, at, every#', answer = ', level#, fraction#',
    fact = ', WINDOW_OF_BUCKET, level#',
  },
  [QUOTA] = {
    terms = 'local limit# = set[@place]\nlocal begin#, finish#, cap#, warningsTag#, nextWarnings# = limit#.start, limit#.finish, limit#.cap, limit#.warningsTag, limit#.nextWarnings',
    bytes = 38, format = FORMATS[QUOTA], names = 'start#, used#, reserved#, before#, tag#, crossed#',
    state = 'start#, used#, reserved#, before#, tag#, crossed#', answer = ', used#, reserved#', fact = ', start#, used#',
  },
  [CONCURRENCY] = {
    terms = 'local slots# = set[@place].slots',
    bytes = 8, format = FORMATS[CONCURRENCY], names = 'inUse#', state = 'inUse#', answer = ', inUse#, 0', fact = ', WINDOW_NOT_CHARGED, 0',
  },
}
local CONSTANTS = {
  EXACT_PRODUCT_MAX = EXACT_PRODUCT_MAX, AMOUNT_MAX = AMOUNT_MAX, HELD_BYTES = HELD_BYTES, HELD = HELD, DECIDED_PLAIN = DECIDED_PLAIN,
  SETTLED_PLAIN = SETTLED_PLAIN, FACT_CHECK = FACT_CHECK, FACT_COMMIT = FACT_COMMIT,
  WINDOW_OF_BUCKET = WINDOW_OF_BUCKET, WINDOW_NOT_CHARGED = WINDOW_NOT_CHARGED,
}

-- The numbers of a holder in its order: of each of the set's limits its place in the set, else bytes that stay as they are.
-- Nil where the set has a limit that is not there yet, or is an entity's.
local function runsOf(set, directory)
  local places, runs, found = {}, {}, 0
  if set.count > LIMITS_MAX then return nil end
  for index = 1, set.count do
    local limit = set[index]
    if limit.slot == set.slot then places[limit.tag] = index end
  end
  for at = 1, #directory, ENTRY_BYTES do
    local mark, tag = unpackBytes('<Bc8', directory, at)
    local kind, place, last = mark % 4, places[tag], runs[#runs]
    if place then
      runs[#runs + 1], found = { place = place, mark = mark, kind = kind, bytes = KINDS[kind].bytes, format = KINDS[kind].format }, found + 1
    elseif last and not last.place then
      last.bytes = last.bytes + KINDS[kind].bytes
      last.format = format('c%d', last.bytes)
    else
      runs[#runs + 1] = { bytes = KINDS[kind].bytes, format = format('c%d', KINDS[kind].bytes) }
    end
  end
  return found == set.count and runs or nil
end

local function fill(text, place) return (string.gsub(text, '([%l])#', '%1' .. place)) end

local function sourceOf(way, set, runs, formats)
  local names, state, answer, fact, steps, terms = {}, {}, {}, {}, {}, {}
  local function own(what, kind) return way[what] and way[what][kind] or KINDS[kind][what] end
  for index, run in ipairs(runs) do
    names[index] = run.place and fill(KINDS[run.kind].names, run.place) or 'rest' .. index
    state[index] = run.place and fill(own('state', run.kind), run.place) or names[index]
  end
  for place = 1, set.count do
    local kind = set[place].kind
    terms[place] = string.gsub(fill(KINDS[kind].terms, place), '@place', place)
    steps[place] = fill((own('start', kind) or '') .. 'do\n' .. way[kind] .. 'end', place)
    answer[place], fact[place] = fill(KINDS[kind].answer, place), fill(own('fact', kind), place)
  end
  -- Only a customer's clock is kept: of the latest that wrote.
  local clock = set.slot == 0 and 'at' or 'latest'
  local lists = { state = concat({ clock .. ', nextExpiry, #directory, directory', unpack(state) }, ', '), answer = concat(answer), fact = concat(fact) }
  local source = concat({
    'local set, directory, pack, unpack, max, nextWarning = ...', concat(terms, '\n'),
    'return function(raw, at, amount, tail, ' .. (set.isLayer and way.layerParameters or way.parameters) .. ')',
    'local ' .. concat({ 'latest, nextExpiry, _', unpack(names) }, ', ') .. ' = unpack("' .. HEAD_FORMAT .. formats .. '", raw)',
    'if at < latest or nextExpiry > 0 and nextExpiry <= at then return nil end', concat(steps, '\n'), set.isLayer and way.layerResult or way.result, 'end',
  }, '\n')
  local constants = setmetatable({
    STATE = '"' .. HEAD_FORMAT .. formats .. 'c0"', STATE_AND_HOLD = '"' .. HEAD_FORMAT .. formats .. 'c0c16' .. OPEN_HELD_FIELDS .. '"',
  }, { __index = CONSTANTS })
  source = string.gsub(source, '@(%l+)', lists)
  return (string.gsub(source, '%u[%u_]+', function(name)
    local constant = constants[name]
    return type(constant) == 'number' and format('%.17g', constant) or constant
  end))
end

local compiled, compiledCount = {}, 0

-- The way of a set on holders of one directory, and where their numbers end; false where there is none.
function wayOf(name, set, directory)
  local runs = runsOf(set, directory)
  if not runs then return false end
  local formats, bytes, signature = '', 0, set.isLayer and (set.slot == 0 and 'customer ' or 'entity ') .. name or name
  for _, run in ipairs(runs) do
    formats, bytes = formats .. run.format, bytes + run.bytes
    signature = signature .. format(':%d=%s', run.place or 0, run.format)
  end
  local make = compiled[signature]
  if not make then
    if compiledCount == COMPILED_MAX then compiled, compiledCount = {}, 0 end
    make = assert(loadstring(sourceOf(WAYS[name], set, runs, formats), name))
    compiled[signature], compiledCount = make, compiledCount + 1
  end
  return { ends = HEAD_BYTES + #directory + bytes + 1, runs = runs, run = make(set, directory, packBytes, unpackBytes, max, nextWarning) }
end
end
