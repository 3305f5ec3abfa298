-- The denial ledger, newest first: which limits refused, by which numbers and which version of the catalog.
SELECT
    toUnixTimestamp64Milli(denied_at) AS atMs,
    customer,
    entity,
    feature,
    meter,
    reason,
    denied_by AS deniedBy,
    amount,
    denials.denials AS count,
    limit_ids AS limitIds,
    limit_used AS limitUsed,
    limit_included AS limitIncluded,
    toFloat64(catalog_version) AS version,
    shard,
    toFloat64(outbox_ms) AS outboxMs,
    outbox_seq AS outboxSeq,
    idx AS index
FROM denials
WHERE ({customer:String} = '' OR customer = {customer:String})
    AND ({feature:String} = '' OR feature = {feature:String})
    AND ({reason:String} = '' OR reason = {reason:String})
    AND denied_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
    AND denied_at < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
    AND (toUnixTimestamp64Milli(denied_at), shard, toUInt64(outbox_ms), outbox_seq, idx)
        < ({beforeMs:Int64}, {beforeShard:String}, {beforeOutboxMs:UInt64}, {beforeOutboxSeq:UInt32}, {beforeIndex:UInt32})
ORDER BY denied_at DESC, shard DESC, outbox_ms DESC, outbox_seq DESC, idx DESC
LIMIT {limit:UInt32}
