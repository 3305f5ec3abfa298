-- Customers that were charged since an instant, in order, after one of them.
SELECT DISTINCT customer
FROM usage_facts
WHERE customer > {after:String} AND charged_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
ORDER BY customer
LIMIT {limit:UInt32}
