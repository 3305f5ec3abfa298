-- Identities of the rows of one table that were inserted from a span of one shard's outbox: asked after a crash or an
-- insert whose outcome is unknown. The index on outbox_ms leaves out all but the parts of those seconds.
SELECT
    toFloat64(outbox_ms) AS outboxMs,
    outbox_seq AS outboxSeq,
    groupArray(idx) AS indexes
FROM {table:Identifier}
WHERE epoch = {epoch:UInt64} AND shard = {shard:String}
    AND outbox_ms BETWEEN {firstMs:UInt64} AND {lastMs:UInt64}
GROUP BY outbox_ms, outbox_seq
