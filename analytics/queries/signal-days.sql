-- Use of some customers by feature and day, counted back from an instant: day 0 is the last 24 hours.
SELECT
    customer,
    feature,
    (groupArray(toUInt16(days_ago)), groupArray(toFloat64(amount))) AS days
FROM
(
    SELECT
        customer, feature,
        intDiv(greatest(0, {nowMs:Int64} - 1 - toUnixTimestamp(toStartOfFifteenMinutes(happened_at)) * 1000), 86400000)
            AS days_ago,
        sum(toInt128(amount)) AS amount
    FROM usage_facts
    WHERE customer IN {customers:Array(String)} AND feature != ''
    GROUP BY customer, feature, days_ago
)
WHERE days_ago < {days:UInt32}
GROUP BY customer, feature
