-- Customers that were charged, denied or changed in the catalog since an instant, in order, a page at a time.
SELECT customer
FROM
(
    SELECT DISTINCT customer
    FROM usage_facts
    WHERE charged_at >= fromUnixTimestamp64Milli({sinceMs:Int64}, 'UTC') AND customer > {after:String}
    UNION DISTINCT
    SELECT DISTINCT customer
    FROM denials
    WHERE denied_at >= fromUnixTimestamp64Milli({sinceMs:Int64}, 'UTC') AND customer > {after:String}
    UNION DISTINCT
    SELECT DISTINCT id AS customer
    FROM catalog_changes
    WHERE changed_at >= fromUnixTimestamp64Milli({sinceMs:Int64}, 'UTC') AND type = 'customer' AND id > {after:String}
)
ORDER BY customer
LIMIT {limit:UInt32}
