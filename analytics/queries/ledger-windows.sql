-- What the ledger has of some customers' quotas, by window, up to and including one place in the outbox of their shard:
-- the latest windows of each limit, of facts that were charged from an instant on.
SELECT
    customer,
    feature,
    limit_id AS limitId,
    window_start AS windowMs,
    sum(toInt128(amount)) AS charged
FROM usage_facts
ARRAY JOIN limit_ids AS limit_id, limit_window_starts AS window_start
WHERE customer IN {customers:Array(String)}
    AND charged_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
    AND shard = {shard:String}
    AND (epoch, outbox_ms, outbox_seq) <= ({epoch:UInt64}, {outboxMs:UInt64}, {outboxSeq:UInt32})
    AND window_start >= 0
GROUP BY customer, feature, limitId, windowMs
ORDER BY customer, feature, limitId, windowMs DESC
LIMIT {windows:UInt32} BY customer, feature, limitId
