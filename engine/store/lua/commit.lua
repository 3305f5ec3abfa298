-- commit: decides a batch of operations of one shard, charges what is admitted, and appends the facts to the outbox.
-- THE COMMIT POINT: everything before it is a question, everything after it a projection.
--
-- One atomic step per call: recognise a repeated call, check the fence, then for each operation in order recognise a
-- repeated id, undo expired holds, refill and test every limit, and only at the end of the whole batch write.
-- Redis does not roll back a script that fails half-way, so nothing is written before everything is decided.
--
-- A Redis function and no EVAL script: an EVAL builds its closures anew in every call, which costs twenty times as much
-- as the decision of a check. What is kept between calls is derived from its key alone (sets, layouts) or is scratch.
--
-- KEYS[1]    state    string '<dd' epoch, catalog version in force; absent: the shard is uninitialised
-- KEYS[2]    outbox   stream; one entry a call, field b (contract/fact.ts)
-- KEYS[3]    fate     string: the reply to this gateway's last writing call of this slot
-- KEYS[4]    retention  string, ms: how long ids are remembered while memory is short; absent: as ARGV[1] says; below
--                     one hour new ids are refused
-- KEYS[5…]   holders  strings: the state of all limits of one customer (include/holder.lua); on a cluster one key more,
--                     which is never there: no call runs on a slot that is being moved (store/keys.ts)
-- Further keys of the same hash tag are spelled here: ids:<bucket> (remembered ids, include/ids.lua), holds and
-- h:<customer> (reservations by expiry, include/open-holds.lua), warnings (percents by tag, include/limits.lua).
--
-- ARGV[1]    header       '<ddddBH' sequence, catalog version, clock (ms; 0: Redis's own), id retention (ms),
--                         flags (1: sent before, store the fate in any case; 2: of a spool, see below; 4: denials
--                         leave no line, since the outbox is nearly full), number of operations
-- ARGV[2]    sets         the limits the operations refer to (include/sets.lua)
-- ARGV[3]    descriptors  their names, copied into the outbox entry as they are
-- ARGV[4]    operations   see readOperation in include/operations.lua
-- ARGV[5]    prefix       '{shard}:' for the keys spelled here
--
-- Reply: one string. First byte: 0 decided, 1 uninitialised, 2 stale ('<d' version in force), 3 superseded by a later
-- call of this slot. Decided: '<dd' sequence, clock, then one answer for each operation (include/answers.lua).
--
-- A call of a spool (flag 2, engine/outage/charger.ts) charges what was admitted while Redis was away. Its fate is kept
-- without an end, since nobody knows when its gateway comes back for it, and has two bytes an answer, status and flags,
-- which can be read by whatever catalog. It is charged whole or not at all: where an operation lacks its window, or room
-- for its id, nothing is written, and the reply is 4 ('<HdH' which operation, from 0, then as in its answer) or 5.

-- Redis gives its libraries to a running function only, not to one that is being loaded.
local floor, min, max, byte, sub, format, concat, packBytes, unpackBytes, packMessage, unpackMessage, call

local function bindLibraries()
  floor, min, max, byte, sub, format, concat = math.floor, math.min, math.max, string.byte, string.sub, string.format, table.concat
  packBytes, unpackBytes, packMessage, unpackMessage, call = struct.pack, struct.unpack, cmsgpack.pack, cmsgpack.unpack, redis.call
end

local AMOUNT_MAX = 9007199254740991
local CLOCK_BEHIND_MS_MAX = 60000
local EVENT_AHEAD_MS_MAX = 300000
-- Text, as Redis takes it: a number would be spelled out by the rules of doubles in every call.
local FATE_KEPT_MS = '600000'
local ID_RETENTION_MS_MIN = 3600000

-- Of the call at hand.
local keys, values, prefix, version, now, retentionMs, idsFull, dropsDenials, descriptorsArg, operationsArg

--@include sets
--@include holder
--@include limits
--@include ids
--@include ledger
--@include answers
--@include holds
--@include open-holds
--@include operations
--@include admission
--@include record
--@include void
--@include settlement
--@include layers
--@include compile
--@include short-way
--@include decide

-- Redis 7.0's TIME advances inside a script: read it once.
local function readClock(injected)
  if injected > 0 then return injected end
  local time = call('TIME')
  return time[1] * 1000 + floor(time[2] / 1000)
end

-- What keeps a call of a spool from being charged, else nil; shortens its answers.
local function settleSpooled(answers)
  for index = 2, #answers do
    local status = byte(answers[index])
    if status == NEEDS_WINDOW then return '\4' .. packBytes('<H', index - 2) .. sub(answers[index], 3) end
    if status == ID_MEMORY_FULL then return '\5' end
    answers[index] = sub(answers[index], 1, 2)
  end
  return nil
end

local function commit(KEYS, ARGV)
  if not call then bindLibraries() end
  local stateKey, outboxKey, fateKey = KEYS[1], KEYS[2], KEYS[3]
  local headerArg, setsArg = ARGV[1], ARGV[2]
  keys, descriptorsArg, operationsArg, prefix = KEYS, ARGV[3], ARGV[4], ARGV[5]
  local sequence, clock, flags, operationCount
  sequence, version, clock, retentionMs, flags, operationCount = unpackBytes('<ddddBH', headerArg)

  -- MGET gives nil for the outbox, which is no string: one call reads all there is to read.
  values = call('MGET', unpack(KEYS))
  local fate, state = values[3], values[1]
  if fate then
    local _, last = unpackBytes('<Bd', fate)
    if sequence == last then return fate end
    if sequence < last then return '\3' end
  end
  if not state then return '\1' end
  local _, versionInForce = unpackBytes('<dd', state)
  if version < versionInForce then return '\2' .. packBytes('<d', versionInForce) end

  local retentionInForce = tonumber(values[4])
  idsFull = retentionInForce ~= nil and retentionInForce < ID_RETENTION_MS_MIN
  if retentionInForce then retentionMs = min(retentionMs, retentionInForce) end
  dropsDenials = flags >= 4
  local spooled = flags % 4 >= 2
  now = readClock(clock)
  readSets(setsArg)
  beginHolders()
  beginIds()
  beginLedger()
  beginHolds()
  local answers = decideAll(operationCount)
  local obstacle = spooled and settleSpooled(answers)
  if obstacle then return obstacle end
  answers[1] = packBytes('<Bdd', 0, sequence, now)
  -- Lua hashes every byte of every string it makes: one concatenation, and the fate is the reply itself.
  local reply = concat(answers)

  local wrote = writeHolders()
  wrote = writeIds() or wrote
  wrote = writeHolds() or wrote
  wrote = writeLedger(outboxKey) or wrote
  writeWarnings()
  if wrote or flags % 2 == 1 then
    if spooled then call('SET', fateKey, reply) else call('SET', fateKey, reply, 'PX', FATE_KEPT_MS) end
  end
  return reply
end

redis.register_function('commit', commit)
