-- void: an event is taken back. Its facts stay in the ledger with their corrections beside them. The caller has read them
-- there; so each part names, for each limit of its fact, the limit's place in the part's set (0: no longer in force) and
-- the window that was charged (operations.lua).
--
-- A quota is given back where the window is still kept: the current one, or the one before. A counter that has less than
-- the amount was begun anew since and never held it: it is left alone, and so never goes below 0. What was crossed stays
-- crossed. A bucket is filled up to its capacity.
--
-- A void's fact names what its event's fact names, so that the sums of windows long over are right as well. Where no counter
-- was moved it says AFTER_NOTHING; a bucket that is gone it leaves out.
local decideVoid
do
local FACT_VOID, AFTER_NOTHING, VOIDED = 3, -1, 6

-- True when the limit has given the amount back.
local function giveBack(view, limit, start, amount)
  if limit.kind == BUCKET then
    view.level = view.level + amount
    if view.level >= limit.capacity then view.level, view.fraction = limit.capacity, 0 end
  elseif amount == 0 then
    -- Nothing to give, and nothing that tells whether this counter ever held the charge.
    return false
  elseif start == view.start and amount <= view.used then
    view.used = view.used - amount
  elseif start == view.previous and start < view.start and amount <= view.before then
    view.before = view.before - amount
  else
    return false
  end
  view.changed = true
  return true
end

local function afterOf(view, limit, start)
  if limit.kind == BUCKET then return view.level end
  return start == view.start and view.used or view.before
end

-- Its id is the charge's own: each is taken back once, however often and by however many that is asked for at once.
function decideVoid(operation, holder, at, creditAt, answerFlags)
  local known = recallId(operation.fingerprint)
  if known and at - known.at < retentionMs then return packBytes('<BB', VOIDED, answerFlags + REPLAYED) .. known.rest end
  if idsFull then return packBytes('<BB', ID_MEMORY_FULL, answerFlags) end

  local views0 = 0
  for part = 1, operation.parts do
    local set = sets[operation[3 * part - 2] + 1]
    local lacking = viewPart(operation, set, views0, at, creditAt)
    if lacking then return lacking end
    for _, charged in ipairs(operation.voided[part]) do
      local limit = set[charged.place]
      local view = limit and limit.kind == QUOTA and views[views0 + charged.place]
      if view and view.previous < 0 and charged.start < view.start then return needsWindow(at, views0 + charged.place) end
    end
    views0 = views0 + set.count
  end

  local facts, answer, named = {}, {}, 0
  views0 = 0
  for part = 1, operation.parts do
    local setIndex, amount, partFlags = operation[3 * part - 2], operation[3 * part - 1], operation[3 * part]
    local set, numbers = sets[setIndex + 1], {}
    for index, charged in ipairs(operation.voided[part]) do
      local view, limit = views[views0 + charged.place], set[charged.place]
      local given = limit ~= nil and giveBack(view, limit, charged.start, amount)
      local after = given and afterOf(view, limit, charged.start) or AFTER_NOTHING
      local isGone = not given and charged.start == WINDOW_OF_BUCKET
      numbers[2 * index - 1], numbers[2 * index] = isGone and WINDOW_NOT_CHARGED or charged.start, after
      named = named + 1
      answer[named] = packBytes('<Bd', given and 1 or 0, after)
    end
    storeViews(operation, set, views0, at)
    facts[part] = packBytes('<HBd' .. string.rep('d', #numbers), setIndex, partFlags, amount, unpack(numbers))
    views0 = views0 + set.count
  end
  holder.latest, holder.dirty = at, true
  bookParts(operation, FACT_VOID, at, operation.happenedAt, facts)
  local rest = packBytes('<Hc0dH', #operation.head, operation.head, at, named) .. concat(answer)
  rememberId(operation.fingerprint, at, operation.body, rest)
  return packBytes('<BB', VOIDED, answerFlags) .. rest
end
end
