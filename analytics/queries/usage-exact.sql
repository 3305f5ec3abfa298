-- Usage of a meter over time, from the facts themselves: for periods that do not begin on a quarter of an hour, for
-- groups by entity, for dimensions of one customer, and for what cannot be summed. Filters are pairs of a name and a
-- value; of each name one value must be there. A sum has voids in it, which are negative; of what cannot
-- be summed they are left out together with the charges that they take back, which they name as they are spelled here.
SELECT
    roundDown(toUnixTimestamp64Milli(happened_at), {starts:Array(Int64)}) AS startMs,
    if({byCustomer:Bool}, usage_facts.customer, '') AS customer,
    [if({byFeature:Bool}, toString(feature), ''), if({byEntity:Bool}, entity, '')] AS features,
    arrayMap(name -> usage_facts.dimensions[name], {dimensions:Array(String)}) AS dimensions,
    multiIf(
        {aggregation:String} = 'max', toInt128(max(meter_amount)),
        {aggregation:String} = 'latest', toInt128(argMax(meter_amount, (happened_at, charged_at))),
        {aggregation:String} = 'unique', toInt128(uniqExact(usage_facts.dimensions[{uniqueDimension:String}])),
        sum(toInt128(meter_amount))) AS amount,
    count() AS facts
FROM usage_facts
WHERE meter = {meter:String}
    AND ({customer:String} = '' OR usage_facts.customer = {customer:String})
    AND ({everyEntity:Bool} OR entity IN {entities:Array(String)})
    AND (empty({filterNames:Array(String)})
        OR arrayAll(
            wanted -> arrayExists(
                (name, value) -> name = wanted AND usage_facts.dimensions[name] = value,
                {filterNames:Array(String)}, {filterValues:Array(String)}),
            arrayDistinct({filterNames:Array(String)})))
    AND happened_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
    AND happened_at < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
    AND _partition_id >= {fromMonth:String}
    AND ({aggregation:String} IN ('sum', 'count')
        OR kind != 'void'
            AND (usage_facts.customer, source, id, concat(toString(epoch), ':', shard, ':', toString(outbox_ms), '-', toString(outbox_seq))) NOT IN
            (
                SELECT voids.customer, voids.source, voids.id, voids.dimensions['void:charge']
                FROM usage_facts AS voids
                WHERE {aggregation:String} NOT IN ('sum', 'count')
                    AND voids.kind = 'void'
                    AND voids.meter = {meter:String}
                    AND ({customer:String} = '' OR voids.customer = {customer:String})
                    AND voids.happened_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
                    AND voids.happened_at < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
                    AND voids._partition_id >= {fromMonth:String}
            ))
GROUP BY startMs, customer, features, dimensions
ORDER BY if({byValue:Bool}, if({aggregation:String} = 'average', toFloat64(amount) / facts, toFloat64(amount)), 0) DESC,
    startMs, customer, features, dimensions
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
