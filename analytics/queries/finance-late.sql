-- What happened in a period and came too late for some window: how much, and which limits were charged all the same.
-- `atMs` is when it happened, to the step in which windows begin.
SELECT
    customer,
    feature,
    meter,
    intDiv(toUnixTimestamp64Milli(happened_at), {stepMs:Int64}) * {stepMs:Int64} AS atMs,
    limit_ids AS limitIds,
    sum(toInt128(amount)) AS amount
FROM usage_facts
WHERE customer IN {customers:Array(String)}
    AND late
    AND happened_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
    AND happened_at < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
    AND _partition_id >= {fromMonth:String}
    -- as of
GROUP BY customer, feature, meter, atMs, limitIds
ORDER BY customer, feature, meter, atMs, limitIds
