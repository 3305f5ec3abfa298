-- Every charge of one event and every correction of it, fact by fact, in the order of the outbox. An event that was sent
-- again after its id was forgotten was charged several times.
SELECT
    toString(epoch) AS epoch,
    shard,
    toString(outbox_ms) AS outboxMs,
    outbox_seq AS outboxSeq,
    toUnixTimestamp64Milli(charged_at) AS chargedAtMs,
    toUnixTimestamp64Milli(happened_at) AS happenedAtMs,
    kind = 'void' AS isVoid,
    entity,
    feature,
    meter,
    abs(amount) AS absolute,
    meter_amount != 0 AS isMetered,
    late,
    dimensions,
    limit_ids AS limitIds,
    limit_window_starts AS limitWindowStarts,
    limit_after AS limitAfter,
    limit_included AS limitIncluded
FROM usage_facts
WHERE customer = {customer:String} AND source = {source:String} AND id = {id:String} AND kind IN ('record', 'void')
ORDER BY usage_facts.epoch, shard, outbox_ms, outbox_seq, idx
LIMIT {limit:UInt32}
