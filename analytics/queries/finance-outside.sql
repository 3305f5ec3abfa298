-- What happened in a period and was charged to no quota of the customer: features without one, and meters that no
-- feature charges. What came too late for its window is told by finance-late.sql.
SELECT
    customer,
    feature,
    meter,
    sum(day_charged) AS charged,
    sum(day_voided) AS voided,
    toString(argMax(day, (day_charged - day_voided, -toInt32(day)))) AS peakDay,
    max(day_charged - day_voided) AS peakDayUsed
FROM
(
    SELECT
        customer, feature, meter, day,
        sumIf(part_amount, NOT is_void) AS day_charged,
        -sumIf(part_amount, is_void) AS day_voided
    FROM
    (
        SELECT
            customer, feature, meter, late AS is_late, kind = 'void' AS is_void,
            toDate32(toStartOfFifteenMinutes(happened_at), {timezone:String}) AS day,
            limit_ids, limit_window_starts,
            sum(toInt128(amount)) AS part_amount
        FROM usage_facts
        WHERE customer IN {customers:Array(String)}
            AND toStartOfFifteenMinutes(happened_at) >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
            AND toStartOfFifteenMinutes(happened_at) < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
            AND _partition_id >= {fromMonth:String}
            -- as of
        GROUP BY customer, feature, meter, is_late, is_void, day, limit_ids, limit_window_starts
    )
    WHERE NOT is_late
        AND NOT arrayExists(
            (id, start) -> start >= 0 AND (has({ownLimits:Array(String)}, id) OR position(id, '/') = 0),
            limit_ids, limit_window_starts)
    GROUP BY customer, feature, meter, day
)
GROUP BY customer, feature, meter
ORDER BY customer, feature, meter
