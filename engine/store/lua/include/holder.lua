-- A holder is a customer (or an entity below it): one string with the state of all its limits.
-- '<dd' latest clock of an operation that wrote, earliest expiry of a hold (0: none), then slots:
--   bucket '<Bc8dddd'      1, tag, level (whole, below 0 in debt), fraction (numerator over every), written at, every
--   quota  '<Bc8dddddI4B'  2, tag, window start, used, reserved, used in the window before, next warning amount
--                          (-1: none left), warnings tag, crossed; each crossed threshold '<H' percent
local holders = {}

local function readHolder(index)
  local holder = holders[index]
  if holder then return holder end
  holder = { key = KEYS[4 + index], latest = 0, nextExpiry = 0, slots = {}, order = {}, dirty = false }
  local raw = values[4 + index]
  if raw then
    local at
    holder.latest, holder.nextExpiry, at = unpackBytes('<dd', raw)
    local length, slots, order = #raw, holder.slots, holder.order
    while at <= length do
      local slot = {}
      slot.kind, slot.tag, at = unpackBytes('<Bc8', raw, at)
      if slot.kind == BUCKET then
        slot.level, slot.fraction, slot.writtenAt, slot.every, at = unpackBytes('<dddd', raw, at)
      else
        local crossed
        slot.start, slot.used, slot.reserved, slot.before, slot.nextWarning, slot.warningsTag, crossed, at =
          unpackBytes('<dddddI4B', raw, at)
        slot.crossed = sub(raw, at, at + 2 * crossed - 1)
        at = at + 2 * crossed
      end
      slots[sub(slot.tag, 1, 5)] = slot
      order[#order + 1] = slot
    end
  end
  holders[index] = holder
  return holder
end

-- The slot of a limit for writing; a limit seen first, or defined anew, starts with an empty one.
local function claimSlot(holder, limit)
  local slot = holder.slots[limit.key]
  if not slot then
    slot = {}
    holder.slots[limit.key] = slot
    holder.order[#holder.order + 1] = slot
  end
  slot.kind, slot.tag = limit.kind, limit.tag
  holder.dirty = true
  return slot
end

local function encodeHolder(holder)
  local parts = { packBytes('<dd', holder.latest, holder.nextExpiry) }
  for index, slot in ipairs(holder.order) do
    if slot.kind == BUCKET then
      parts[index + 1] = packBytes('<Bc8dddd', BUCKET, slot.tag, slot.level, slot.fraction, slot.writtenAt, slot.every)
    else
      local crossed = slot.crossed
      parts[index + 1] = packBytes(
        '<Bc8dddddI4B', QUOTA, slot.tag, slot.start, slot.used, slot.reserved, slot.before, slot.nextWarning, slot.warningsTag, #crossed / 2
      ) .. crossed
    end
  end
  return table.concat(parts)
end

local function writeHolders()
  local pairsToSet = {}
  for _, holder in pairs(holders) do
    if holder.dirty then
      pairsToSet[#pairsToSet + 1] = holder.key
      pairsToSet[#pairsToSet + 1] = encodeHolder(holder)
    end
  end
  if #pairsToSet == 0 then return false end
  redis.call('MSET', unpack(pairsToSet))
  return true
end
