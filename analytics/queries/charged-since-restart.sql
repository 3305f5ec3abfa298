-- What was charged to one window of one limit since its counter last began anew in it: from the last fact on that found
-- the counter at 0 where the fact before it had left more, with a change of the catalog in between. No row where that
-- never happened. Voids that moved no counter (after −1) belong to an earlier life of it.
SELECT sum(toInt128(amount)) AS charged
FROM
(
    SELECT amount, place, maxIf(place, restarted) OVER () AS restart
    FROM
    (
        SELECT
            amount,
            row_number() OVER facts AS place,
            after = amount
                AND lagInFrame(after, 1, 0) OVER facts > 0
                AND lagInFrame(catalog_version, 1, catalog_version) OVER facts != catalog_version AS restarted
        FROM
        (
            SELECT
                amount, catalog_version, epoch, outbox_ms, outbox_seq, idx,
                limit_after[indexOf(limit_ids, {limit:String})] AS after
            FROM usage_facts
            WHERE customer = {customer:String} AND feature = {feature:String} AND shard = {shard:String}
                AND (epoch, outbox_ms, outbox_seq) <= ({epoch:UInt64}, {outboxMs:UInt64}, {outboxSeq:UInt32})
                AND limit_window_starts[indexOf(limit_ids, {limit:String})] = {windowMs:Int64}
                AND has(limit_ids, {limit:String})
                AND NOT (kind = 'void' AND after = -1)
        )
        WINDOW facts AS (ORDER BY epoch, outbox_ms, outbox_seq, idx ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
    )
)
WHERE restart > 0 AND place >= restart
HAVING count() > 0
