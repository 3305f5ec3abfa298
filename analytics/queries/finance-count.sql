-- How many facts and denials each customer has of a time, kept with a closing: finance-corrected.sql compares by it.
INSERT INTO finance_counts
SELECT {closing:String}, customer, sum(entries)
FROM
(
    SELECT customer, toInt64(count()) AS entries
    FROM usage_facts
    WHERE toStartOfDay(happened_at) < fromUnixTimestamp64Milli({beforeMs:Int64}, 'UTC')
    GROUP BY customer
    UNION ALL
    SELECT customer, toInt64(count()) AS entries
    FROM denials
    WHERE toStartOfDay(denied_at) < fromUnixTimestamp64Milli({beforeMs:Int64}, 'UTC')
    GROUP BY customer
)
GROUP BY customer
