-- What was denied in a period, per customer and feature.
SELECT
    customer,
    feature,
    any(denials.meter) AS meter,
    sum(denials.denials) AS deniedCount,
    sum(denials.amount) AS deniedAmount
FROM denials
WHERE customer >= {firstCustomer:String} AND customer <= {lastCustomer:String}
    AND denied_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
    AND denied_at < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
GROUP BY customer, feature
ORDER BY customer, feature
