-- Customers that have more facts or denials of a closed time than when it was closed, in order, a page at a time.
SELECT customer
FROM
(
    SELECT customer, toInt64(count()) AS entries
    FROM usage_facts
    WHERE ({customer:String} = '' OR customer = {customer:String}) AND customer > {after:String}
        AND toStartOfDay(happened_at) < fromUnixTimestamp64Milli({beforeMs:Int64}, 'UTC')
        -- booked
    GROUP BY customer
    UNION ALL
    SELECT customer, toInt64(count()) AS entries
    FROM denials
    WHERE ({customer:String} = '' OR customer = {customer:String}) AND customer > {after:String}
        AND toStartOfDay(denied_at) < fromUnixTimestamp64Milli({beforeMs:Int64}, 'UTC')
        -- refused
    GROUP BY customer
    UNION ALL
    SELECT customer, -finance_counts.entries AS entries
    FROM finance_counts
    WHERE ({customer:String} = '' OR customer = {customer:String}) AND customer > {after:String}
        AND closing = {closing:String}
)
GROUP BY customer
HAVING sum(entries) > 0
ORDER BY customer
LIMIT {limit:UInt32}
