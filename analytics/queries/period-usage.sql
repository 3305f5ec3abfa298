-- What was charged in a period by when it happened, per customer and feature, and the local day with the most of it.
SELECT
    customer,
    feature,
    any(day_meter) AS meter,
    sum(day_amount) AS used,
    toString(argMax(day, day_amount)) AS peakDay,
    max(day_amount) AS peakDayUsed
FROM
(
    SELECT
        customer, feature, any(meter) AS day_meter,
        toDate(quarter, {timezone:String}) AS day,
        sum(quarter_amount) AS day_amount
    FROM
    (
        SELECT
            customer, feature, meter, toStartOfFifteenMinutes(happened_at) AS quarter, sum(amount) AS quarter_amount
        FROM usage_facts
        WHERE customer IN {customers:Array(String)}
            AND quarter >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
            AND quarter < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
            AND _partition_id >= {fromMonth:String}
        GROUP BY customer, feature, meter, quarter
    )
    GROUP BY customer, feature, day
)
GROUP BY customer, feature
ORDER BY customer, feature
