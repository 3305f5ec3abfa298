-- What was charged to the windows of quotas, for some customers, in all: as window-usage.sql, without the split by when it
-- happened, from the roll-up by windows. What was charged since `historyMs` counts; the partitions from `historyMonth` on
-- have all of every window that begins since.
SELECT
    customer,
    feature,
    limit_id AS limitId,
    if(has({shortLimits:Array(String)}, limit_id), 0, window_start) AS windowMs,
    sum(window_charged) AS charged,
    sum(greatest(window_charged - window_included, 0)) AS overage,
    argMax(window_included, window_start) AS included
FROM
(
    SELECT
        customer, feature, limit_id, window_start,
        sum(part_amount) AS window_charged,
        max(charged) AS last_charged,
        argMax(part_included, charged) AS window_included
    FROM
    (
        SELECT
            customer, feature, meter, limit_ids, limit_window_starts, limit_included,
            sum(toInt128(amount)) AS part_amount,
            max(charged_at) AS charged
        FROM usage_facts
        WHERE customer IN {customers:Array(String)}
            AND ({everyEntity:Bool} OR entity IN {entities:Array(String)})
            AND _partition_id >= {historyMonth:String}
        GROUP BY customer, feature, meter, limit_ids, limit_window_starts, limit_included
    )
    ARRAY JOIN limit_ids AS limit_id, limit_window_starts AS window_start, limit_included AS part_included
    WHERE window_start >= 0 AND window_start < {toMs:Int64}
        AND (window_start >= {fromMs:Int64} OR NOT has({shortLimits:Array(String)}, limit_id))
        AND if({limitPrefix:String} = '',
            has({ownLimits:Array(String)}, limit_id) OR position(limit_id, '/') = 0,
            startsWith(limit_id, {limitPrefix:String}))
    GROUP BY customer, feature, limit_id, window_start
    HAVING last_charged >= fromUnixTimestamp64Milli({historyMs:Int64}, 'UTC')
)
GROUP BY customer, feature, limitId, windowMs
ORDER BY customer, feature, limitId, windowMs
