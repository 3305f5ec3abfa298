-- The latest window of every quota, per customer and feature, where it is used to at least a threshold (in hundredths of
-- a percent) of what was included at the last charge; the most used first, `parts` in millionths. Whether that window is
-- still the current one is for the calendar to say: one that is current began at `namedFromMs` at the earliest where its
-- limit is in `names`, else at `fromMs`. A page goes on after the row that the last one ended with.
SELECT
    customer,
    feature,
    meter_id AS meter,
    limit_id AS limitId,
    latest_start AS windowStartMs,
    latest_used AS used,
    latest_parts AS parts
FROM
(
    SELECT
        customer, feature, limit_id,
        any(window_meter) AS meter_id,
        max(window_start) AS latest_start,
        argMax(window_used, window_start) AS latest_used,
        argMax(window_included, window_start) AS latest_included,
        intDiv(latest_used * 1000000, toInt128(greatest(latest_included, 1))) AS latest_parts
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
            WHERE ({customer:String} = '' OR customer = {customer:String})
                AND arrayExists(
                    (name, start) -> start = 0
                        OR start >= transform(name, {names:Array(String)}, {namedFromMs:Array(Int64)}, {fromMs:Int64}),
                    limit_ids, limit_window_starts)
            GROUP BY customer, feature, meter, limit_ids, limit_window_starts, limit_included
        )
        ARRAY JOIN limit_ids AS limit_id, limit_window_starts AS window_start, limit_included AS part_included
        WHERE window_start = 0
            OR window_start >= transform(limit_id, {names:Array(String)}, {namedFromMs:Array(Int64)}, {fromMs:Int64})
        GROUP BY customer, feature, limit_id, window_start
    )
    GROUP BY customer, feature, limit_id
)
WHERE latest_included > 0
    AND latest_used * 10000 >= toInt128(latest_included) * {thresholdHundredths:Int64}
    AND (latest_parts < {afterParts:Int128}
        OR latest_parts = {afterParts:Int128}
            AND (customer, toString(feature), toString(limit_id))
                > ({afterCustomer:String}, {afterFeature:String}, {afterLimit:String}))
ORDER BY latest_parts DESC, customer, toString(feature), toString(limit_id)
LIMIT {limit:UInt32}
