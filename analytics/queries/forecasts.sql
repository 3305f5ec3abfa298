-- The newest forecast of each limit, in order, a page at a time.
SELECT
    customer,
    feature,
    limit_id AS limitId,
    meter,
    toUnixTimestamp64Milli(window_start) AS windowStartMs,
    toUnixTimestamp64Milli(window_end) AS windowEndMs,
    included,
    cap,
    used,
    expected,
    low,
    high,
    toUnixTimestamp64Milli(reaches_at) AS reachesAtMs,
    toUnixTimestamp64Milli(reaches_from) AS reachesFromMs,
    toUnixTimestamp64Milli(reaches_to) AS reachesToMs,
    toUnixTimestamp64Milli(as_of) AS asOfMs
FROM forecasts FINAL
WHERE ({customer:String} = '' OR customer = {customer:String})
    AND (empty({customers:Array(String)}) OR customer IN {customers:Array(String)})
    AND (customer, toString(feature), toString(limit_id))
        > ({afterCustomer:String}, {afterFeature:String}, {afterLimit:String})
    AND (window_end IS NULL OR window_end > fromUnixTimestamp64Milli({nowMs:Int64}, 'UTC'))
ORDER BY customer, toString(feature), toString(limit_id)
LIMIT {limit:UInt32}
