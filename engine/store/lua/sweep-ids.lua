-- sweep-ids: removes remembered ids that are older than the retention from some of the shard's 65 536 small hashes, and
-- says how many bytes the others take by the hour of their age. Reads and writes a bounded number of hashes a call.
--
-- KEYS[1]  state      any key of the shard, for the slot
-- ARGV[1]  prefix     '{shard}:'
-- ARGV[2]  first      first hash, 0 to 65535
-- ARGV[3]  count      hashes to sweep
-- ARGV[4]  retention  ms
--
-- Reply: list of integers: ids removed, then for each whole hour of age from 0 on: ids kept, their bytes.

local function sweepIds(KEYS, ARGV)
  local prefix, first, count, retentionMs = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local removed, kept, bytes, hoursMax = 0, {}, {}, 0
  for bucket = first, first + count - 1 do
    local key = prefix .. 'ids:' .. bucket
    local fields, stale = redis.call('HGETALL', key), {}
    for index = 1, #fields, 2 do
      local low, high = struct.unpack('<I4H', fields[index + 1])
      local age = now - (high * 4294967296 + low)
      if age >= retentionMs then
        stale[#stale + 1] = fields[index]
      else
        -- 4 bytes of listpack overhead for the two elements; a hold's time lies ahead and counts as young.
        local hour = math.max(0, math.floor(age / 3600000))
        kept[hour] = (kept[hour] or 0) + 1
        bytes[hour] = (bytes[hour] or 0) + #fields[index] + #fields[index + 1] + 4
        hoursMax = math.max(hoursMax, hour)
      end
    end
    for index = 1, #stale, 1000 do
      redis.call('HDEL', key, unpack(stale, index, math.min(index + 999, #stale)))
    end
    removed = removed + #stale
  end
  local reply = { removed }
  for hour = 0, hoursMax do
    reply[#reply + 1] = kept[hour] or 0
    reply[#reply + 1] = bytes[hour] or 0
  end
  return reply
end

redis.register_function('sweep_ids', sweepIds)
