-- What was denied in a period, by the limits that denied it. `atMs` is when, to the step in which windows begin;
-- `limitIncluded` is what the limits of `limitIds` included at the last of these denials.
SELECT
    customer,
    feature,
    meter,
    intDiv(toUnixTimestamp64Milli(denied_at), {stepMs:Int64}) * {stepMs:Int64} AS atMs,
    denied_by AS deniedBy,
    sum(denials.denials) AS count,
    sum(toInt128(denials.amount)) AS amount,
    argMax(limit_ids, denied_at) AS limitIds,
    argMax(limit_included, denied_at) AS limitIncluded
FROM denials
WHERE customer IN {customers:Array(String)}
    AND denied_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
    AND denied_at < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
    -- as of
GROUP BY customer, feature, meter, atMs, deniedBy
ORDER BY customer, feature, meter, atMs, deniedBy
