-- Usage of a meter over time, from the roll-up: every boundary of a period must fall on a quarter of an hour in UTC.
-- `starts` are the periods' starts in order; `toMs` ends the last one. Counted by when it happened; what came late is
-- where it belongs, and a void takes its fact's amount back out.
SELECT
    roundDown(toInt64(toUnixTimestamp(quarter)) * 1000, {starts:Array(Int64)}) AS startMs,
    group_customer AS customer,
    [group_feature] AS features,
    CAST([], 'Array(String)') AS dimensions,
    sum(quarter_amount) AS amount,
    sum(quarter_facts) AS facts
FROM
(
    SELECT
        toStartOfFifteenMinutes(happened_at) AS quarter,
        if({byCustomer:Bool}, customer, '') AS group_customer,
        if({byFeature:Bool}, toString(feature), '') AS group_feature,
        sum(toInt128(meter_amount)) AS quarter_amount,
        count() AS quarter_facts
    FROM usage_facts
    WHERE meter = {meter:String}
        AND ({customer:String} = '' OR customer = {customer:String})
        AND quarter >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
        AND quarter < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
        AND _partition_id >= {fromMonth:String}
    GROUP BY quarter, group_customer, group_feature
)
GROUP BY startMs, customer, features
ORDER BY if({byValue:Bool}, amount, 0) DESC, startMs, customer, features
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
