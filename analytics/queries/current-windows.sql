-- The latest window of every quota, per customer and feature, where it is used to at least `threshold` percent of what
-- was included; whether that window is still the current one is for the calendar to say.
SELECT
    customer,
    feature,
    meter_id AS meter,
    limit_id AS limitId,
    latest_start AS windowStartMs,
    latest_used AS used,
    latest_included AS included
FROM
(
    SELECT
        customer, feature, limit_id,
        any(window_meter) AS meter_id,
        max(window_start) AS latest_start,
        argMax(window_used, window_start) AS latest_used,
        argMax(window_included, window_start) AS latest_included
    FROM
    (
        SELECT
            customer, feature, any(meter) AS window_meter, limit_id, window_start,
            sum(part_amount) AS window_used,
            argMax(part_included, charged) AS window_included
        FROM
        (
            SELECT
                customer, feature, meter, limit_ids, limit_window_starts, limit_included,
                sum(toInt128(amount)) AS part_amount,
                max(charged_at) AS charged
            FROM usage_facts
            WHERE {customer:String} = '' OR customer = {customer:String}
            GROUP BY customer, feature, meter, limit_ids, limit_window_starts, limit_included
        )
        ARRAY JOIN limit_ids AS limit_id, limit_window_starts AS window_start, limit_included AS part_included
        WHERE window_start >= {fromMs:Int64} OR window_start = 0
        GROUP BY customer, feature, limit_id, window_start
    )
    GROUP BY customer, feature, limit_id
)
WHERE latest_included > 0 AND toFloat64(latest_used) * 100 >= toFloat64(latest_included) * {threshold:Float64}
ORDER BY toFloat64(latest_used) / toFloat64(latest_included) DESC, customer, feature, limitId
LIMIT {limit:UInt32}
