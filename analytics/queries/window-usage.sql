-- What was charged to quota windows that begin in a period: used, and used past what was included, summed over the
-- windows. Windows that begin within 14 hours of the period's ends in UTC come one by one (`edgeMs`), since the
-- customer's zone decides on which side they lie; all others together (`edgeMs` 0).
SELECT
    customer,
    feature,
    limit_id AS limitId,
    if(window_start >= {coreFromMs:Int64} AND window_start < {coreToMs:Int64}, 0, window_start) AS edgeMs,
    sum(window_used) AS used,
    sum(greatest(window_used - window_included, 0)) AS overage,
    argMax(window_included, window_charged) AS included,
    toUInt32(count()) AS windows
FROM
(
    SELECT
        customer, feature, limit_id, window_start,
        sum(part_amount) AS window_used,
        argMax(part_included, charged) AS window_included,
        max(charged) AS window_charged
    FROM
    (
        SELECT
            customer, feature, limit_ids, limit_window_starts, limit_included,
            sum(amount) AS part_amount,
            max(charged_at) AS charged
        FROM usage_facts
        WHERE customer >= {firstCustomer:String} AND customer <= {lastCustomer:String}
            AND toStartOfFifteenMinutes(happened_at) >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
            AND _partition_id >= {fromMonth:String}
        GROUP BY customer, feature, limit_ids, limit_window_starts, limit_included
    )
    ARRAY JOIN limit_ids AS limit_id, limit_window_starts AS window_start, limit_included AS part_included
    WHERE window_start >= {fromMs:Int64} AND window_start < {toMs:Int64}
    GROUP BY customer, feature, limit_id, window_start
)
GROUP BY customer, feature, limitId, edgeMs
ORDER BY customer, feature, limitId, edgeMs
