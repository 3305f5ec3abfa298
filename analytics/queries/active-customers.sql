-- Customers with usage or denials in a period, in order, a page at a time. The windows of a customer's zone may begin
-- up to 14 hours before or after the period in UTC, hence the margins that the caller puts into fromMs and toMs.
SELECT customer
FROM
(
    SELECT customer
    FROM usage_facts
    WHERE ({customer:String} = '' OR customer = {customer:String}) AND customer > {after:String}
        AND toStartOfFifteenMinutes(happened_at) >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
        AND toStartOfFifteenMinutes(happened_at) < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
        AND _partition_id >= {fromMonth:String}
    GROUP BY customer
    UNION ALL
    SELECT customer
    FROM denials
    WHERE ({customer:String} = '' OR customer = {customer:String}) AND customer > {after:String}
        AND toStartOfFifteenMinutes(denied_at) >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
        AND toStartOfFifteenMinutes(denied_at) < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
        AND _partition_id >= {fromMonth:String}
    GROUP BY customer
)
GROUP BY customer
ORDER BY customer
LIMIT {limit:UInt32}
