-- The greatest entry of one shard's outbox, at or after a given one, of which a table has rows. The index on outbox_ms
-- leaves out all but the latest parts, so this is as cheap in a large table as in a small one.
SELECT toFloat64(max((outbox_ms, outbox_seq)).1) AS outboxMs, max((outbox_ms, outbox_seq)).2 AS outboxSeq
FROM {table:Identifier}
WHERE epoch = {epoch:UInt64} AND shard = {shard:String} AND outbox_ms >= {fromMs:UInt64}
HAVING count() > 0
