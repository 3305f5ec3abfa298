-- Usage of a meter over time by its dimensions, from the roll-up that has no customers: every boundary of a period must
-- fall on a quarter of an hour in UTC. Filters are pairs of a name and a value; of each name one value must be there.
SELECT
    roundDown(toInt64(toUnixTimestamp(quarter)) * 1000, {starts:Array(Int64)}) AS startMs,
    '' AS customer,
    CAST([], 'Array(String)') AS features,
    arrayMap(name -> texts[name], {dimensions:Array(String)}) AS dimensions,
    sum(quarter_amount) AS amount,
    sum(quarter_facts) AS facts
FROM
(
    SELECT
        toStartOfFifteenMinutes(happened_at) AS quarter,
        group_dimensions AS texts,
        sum(toInt128(meter_amount)) AS quarter_amount,
        count() AS quarter_facts
    FROM usage_facts
    WHERE meter = {meter:String}
        AND quarter >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
        AND quarter < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
        AND _partition_id >= {fromMonth:String}
    GROUP BY quarter, texts
)
WHERE arrayAll(
    wanted -> arrayExists(
        (name, value) -> name = wanted AND texts[name] = value,
        {filterNames:Array(String)}, {filterValues:Array(String)}),
    arrayDistinct({filterNames:Array(String)}))
GROUP BY startMs, dimensions
ORDER BY if({byValue:Bool}, amount, 0) DESC, startMs, dimensions
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
