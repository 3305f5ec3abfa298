-- Use of some customers' quotas, as a forecast wants it: of the latest window what was charged, and of the weeks before
-- an instant sums by hour of the week (168 of them, weighted, newer weeks more) and by day (56), both counted back from
-- that instant. From the roll-up: the parts are its rows.
SELECT
    customer,
    feature,
    limit_id AS limitId,
    argMax(window_meter, window_start) AS meter,
    max(window_start) AS windowStartMs,
    argMax(window_used, window_start) AS used,
    max(first_hour) AS ageHours,
    sumForEach(window_hours) AS hours,
    sumForEach(window_days) AS days
FROM
(
    SELECT
        customer, feature, limit_id, window_start,
        any(meter) AS window_meter,
        sum(amount) AS window_used,
        maxIf(hours_ago, hours_ago < {historyHours:UInt32}) AS first_hour,
        sumResampleIf(0, 168, 1)(toFloat64(amount) * pow({weekWeight:Float64}, intDiv(hours_ago, 168)),
            hours_ago % 168, hours_ago < {historyHours:UInt32}) AS window_hours,
        -- What is older has a day past the last one, and falls out.
        sumResample(0, 56, 1)(toFloat64(amount), intDiv(hours_ago, 24)) AS window_days
    FROM
    (
        SELECT
            customer, feature, meter, limit_ids, limit_window_starts,
            toUInt32(greatest(0, intDiv({nowMs:Int64} - 1 - toUnixTimestamp(toStartOfFifteenMinutes(happened_at)) * 1000,
                3600000))) AS hours_ago,
            sum(toInt128(amount)) AS amount
        FROM usage_facts
        WHERE customer IN {customers:Array(String)}
        GROUP BY customer, feature, meter, limit_ids, limit_window_starts, toStartOfFifteenMinutes(happened_at)
    )
    ARRAY JOIN limit_ids AS limit_id, limit_window_starts AS window_start
    WHERE window_start >= 0
    GROUP BY customer, feature, limit_id, window_start
)
GROUP BY customer, feature, limit_id
