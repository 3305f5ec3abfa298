-- Months in which some customers have facts or denials, in UTC and a day to either side, since months are those of zones.
SELECT DISTINCT formatDateTime(day + shift, '%Y-%m') AS month
FROM
(
    SELECT toDate32(toStartOfDay(happened_at)) AS day
    FROM usage_facts
    WHERE customer IN {customers:Array(String)}
        AND toStartOfDay(happened_at) < fromUnixTimestamp64Milli({beforeMs:Int64}, 'UTC')
    GROUP BY day
    UNION ALL
    SELECT toDate32(toStartOfDay(denied_at)) AS day
    FROM denials
    WHERE customer IN {customers:Array(String)}
        AND toStartOfDay(denied_at) < fromUnixTimestamp64Milli({beforeMs:Int64}, 'UTC')
    GROUP BY day
)
ARRAY JOIN [-1, 1] AS shift
ORDER BY month
