-- What was charged to the windows of quotas, for some customers of one zone: in all, and split by the period's ends by
-- when it happened. Windows of quotas shorter than a month that begin in the period come as one row (`windowMs` 0) with
-- their overage added up; all others come one by one. Limits are the customer's own (an entity's have its id and a slash
-- before them), or those of one entity by its prefix.
SELECT
    customer,
    feature,
    limit_id AS limitId,
    if(has({shortLimits:Array(String)}, limit_id), 0, window_start) AS windowMs,
    sum(window_charged) AS charged,
    sum(window_before) AS before,
    sum(window_inside) AS inside,
    sum(greatest(window_charged - window_included, 0)) AS overage,
    argMax(window_included, window_start) AS included
FROM
(
    SELECT
        customer, feature, limit_id, window_start,
        sum(part_amount) AS window_charged,
        sumIf(part_amount, is_before) AS window_before,
        sumIf(part_amount, NOT is_before AND NOT is_after) AS window_inside,
        argMax(part_included, charged) AS window_included
    FROM
    (
        SELECT
            customer, feature,
            toStartOfFifteenMinutes(happened_at) < fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AS is_before,
            toStartOfFifteenMinutes(happened_at) >= fromUnixTimestamp64Milli({toMs:Int64}, 'UTC') AS is_after,
            limit_ids, limit_window_starts, limit_included,
            sum(toInt128(amount)) AS part_amount,
            max(charged_at) AS charged
        FROM usage_facts
        WHERE customer IN {customers:Array(String)}
            AND ({everyEntity:Bool} OR entity IN {entities:Array(String)})
            AND toStartOfFifteenMinutes(happened_at) >= fromUnixTimestamp64Milli({historyMs:Int64}, 'UTC')
            AND _partition_id >= {historyMonth:String}
        GROUP BY customer, feature, is_before, is_after, limit_ids, limit_window_starts, limit_included
    )
    ARRAY JOIN limit_ids AS limit_id, limit_window_starts AS window_start, limit_included AS part_included
    WHERE window_start >= 0 AND window_start < {toMs:Int64}
        AND (window_start >= {fromMs:Int64} OR NOT has({shortLimits:Array(String)}, limit_id))
        AND if({limitPrefix:String} = '',
            has({ownLimits:Array(String)}, limit_id) OR position(limit_id, '/') = 0,
            startsWith(limit_id, {limitPrefix:String}))
    GROUP BY customer, feature, limit_id, window_start
)
GROUP BY customer, feature, limitId, windowMs
ORDER BY customer, feature, limitId, windowMs
