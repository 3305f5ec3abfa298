-- How far each shard's outbox was inserted, over the three tables. Answered from the projection `high_water`: one row a
-- part and shard, whatever the size of the tables.
SELECT
    toFloat64(epoch) AS epoch,
    toString(shard) AS shard,
    toFloat64(max(at).1) AS outboxMs,
    max(at).2 AS outboxSeq
FROM
(
    SELECT epoch, shard, max((outbox_ms, outbox_seq)) AS at FROM usage_facts GROUP BY epoch, shard
    UNION ALL
    SELECT epoch, shard, max((outbox_ms, outbox_seq)) AS at FROM denials GROUP BY epoch, shard
    UNION ALL
    SELECT epoch, shard, max((outbox_ms, outbox_seq)) AS at FROM catalog_changes GROUP BY epoch, shard
)
GROUP BY epoch, shard
