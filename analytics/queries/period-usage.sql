-- What happened in a period, per customer, feature and meter: charged to the feature, of it what came too late for its
-- windows, counted by the meter, and the local day with the most of it.
SELECT
    customer,
    feature,
    meter,
    sum(day_amount) AS used,
    sum(day_late) AS late,
    sum(day_counted) AS counted,
    toString(argMax(day, (day_amount, -toInt32(day)))) AS peakDay,
    max(day_amount) AS peakDayUsed
FROM
(
    SELECT
        customer, feature, meter, day,
        sum(part_amount) AS day_amount,
        sumIf(part_amount, is_late) AS day_late,
        sum(part_counted) AS day_counted
    FROM
    (
        SELECT
            customer, feature, meter, late AS is_late,
            toDate32(toStartOfFifteenMinutes(happened_at), {timezone:String}) AS day,
            sum(toInt128(amount)) AS part_amount,
            sum(toInt128(meter_amount)) AS part_counted
        FROM usage_facts
        WHERE customer IN {customers:Array(String)}
            AND ({everyEntity:Bool} OR entity IN {entities:Array(String)})
            AND toStartOfFifteenMinutes(happened_at) >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
            AND toStartOfFifteenMinutes(happened_at) < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
            AND _partition_id >= {fromMonth:String}
        GROUP BY customer, feature, meter, is_late, day
    )
    GROUP BY customer, feature, meter, day
)
GROUP BY customer, feature, meter
ORDER BY customer, feature, meter
