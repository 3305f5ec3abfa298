-- restore-holders: writes holders of a shard that has lost its state, as the ledger says they were. Writes nothing once the
-- shard decides again: from then on its counters are ahead of whoever has read the ledger before.
--
-- KEYS[1]   state     of the shard
-- KEYS[2]   warnings  hash: percents behind a mask of crossed thresholds
-- KEYS[3…]  holders   strings (include/holder.lua); on a cluster one key more, which is never there (store/keys.ts)
--
-- ARGV[1]   number of warnings, then each: tag, percents packed '<H'; then each holder's bytes
--
-- Reply:
--   1  written
--   0  the shard decides again

local function restoreHolders(KEYS, ARGV)
  local shardState, warnings = KEYS[1], KEYS[2]
  if redis.call('EXISTS', shardState) == 1 then return 0 end
  local at = 2
  for _ = 1, tonumber(ARGV[1]) do
    redis.call('HSET', warnings, ARGV[at], ARGV[at + 1])
    at = at + 2
  end
  local first = at
  for arg = first, #ARGV do redis.call('SET', KEYS[3 + arg - first], ARGV[arg]) end
  return 1
end

redis.register_function('restore_holders', restoreHolders)
