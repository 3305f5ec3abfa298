-- What is usual for everyone just now: by feature the median over its customers of recent use to the use before, and
-- over all (feature '') the median of the days since the last use. A holiday shows in both.
SELECT
    feature,
    count() AS customers,
    quantileExact(0.5)(least(10., recent / before)) AS ratio,
    quantileExact(0.5)(silent) AS silentDays
FROM
(
    SELECT
        customer, grouped AS feature,
        greatest(0., toFloat64(sumIf(amount, days_ago < {recentDays:UInt32})))
            / {recentDays:UInt32} AS recent,
        toFloat64(sumIf(amount, days_ago >= {recentDays:UInt32})) / {baselineDays:UInt32} AS before,
        min(days_ago) AS silent
    FROM
    (
        SELECT
            customer, feature,
            intDiv(greatest(0, {nowMs:Int64} - 1 - toUnixTimestamp(toStartOfFifteenMinutes(happened_at)) * 1000), 86400000)
                AS days_ago,
            sum(toInt128(amount)) AS amount
        FROM usage_facts
        WHERE toStartOfFifteenMinutes(happened_at)
            >= fromUnixTimestamp64Milli({nowMs:Int64} - toInt64({recentDays:UInt32} + {baselineDays:UInt32}) * 86400000, 'UTC')
        GROUP BY customer, feature, toStartOfFifteenMinutes(happened_at)
    )
    ARRAY JOIN [toString(feature), ''] AS grouped
    GROUP BY customer, grouped
)
WHERE before > 0
GROUP BY feature
