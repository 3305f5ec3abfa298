-- What became of deliveries, the newest first: the latest state of each.
SELECT
    toUnixTimestamp64Milli(created_at) AS createdMs,
    id,
    body
FROM
(
    SELECT created_at, id, state, body
    FROM alert_deliveries
    WHERE ({target:String} = '' OR target = {target:String})
        AND ({customer:String} = '' OR customer = {customer:String})
        AND created_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
        AND created_at < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
        AND (toUnixTimestamp64Milli(created_at), alert_deliveries.id) < ({beforeMs:Int64}, {beforeId:String})
    ORDER BY updated_at DESC, attempts DESC
    LIMIT 1 BY id
)
WHERE {state:String} = '' OR state = {state:String}
ORDER BY created_at DESC, id DESC
LIMIT {limit:UInt32}
