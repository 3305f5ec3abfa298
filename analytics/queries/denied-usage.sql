-- What was denied in a period, per customer, feature and meter.
SELECT
    customer,
    feature,
    meter,
    sum(quarter_denials) AS deniedCount,
    sum(quarter_amount) AS deniedAmount
FROM
(
    SELECT
        customer, feature, meter, toStartOfFifteenMinutes(denied_at) AS quarter,
        sum(denials.denials) AS quarter_denials,
        sum(toInt128(amount)) AS quarter_amount
    FROM denials
    WHERE customer IN {customers:Array(String)}
        AND ({everyEntity:Bool} OR entity IN {entities:Array(String)})
        AND quarter >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
        AND quarter < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
    GROUP BY customer, feature, meter, quarter
)
GROUP BY customer, feature, meter
ORDER BY customer, feature, meter
