-- The facts of one customer, newest first: what was charged, when it happened, and what each limit stood at afterwards.
SELECT
    toUnixTimestamp64Milli(charged_at) AS atMs,
    toUnixTimestamp64Milli(happened_at) AS happenedMs,
    entity,
    feature,
    meter,
    amount,
    meter_amount AS meterAmount,
    toString(kind) AS kind,
    late,
    source,
    id,
    dimensions,
    limit_ids AS limitIds,
    limit_after AS limitAfter,
    limit_included AS limitIncluded,
    toFloat64(catalog_version) AS version,
    shard,
    toFloat64(outbox_ms) AS outboxMs,
    outbox_seq AS outboxSeq,
    idx AS index
FROM usage_facts
WHERE customer = {customer:String}
    AND ({feature:String} = '' OR feature = {feature:String})
    AND charged_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
    AND charged_at < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
    AND (toUnixTimestamp64Milli(charged_at), shard, toUInt64(outbox_ms), outbox_seq, idx)
        < ({beforeMs:Int64}, {beforeShard:String}, {beforeOutboxMs:UInt64}, {beforeOutboxSeq:UInt32}, {beforeIndex:UInt32})
ORDER BY charged_at DESC, shard DESC, outbox_ms DESC, outbox_seq DESC, idx DESC
LIMIT {limit:UInt32}
