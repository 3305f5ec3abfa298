-- Alerts, newest first, one row an id.
SELECT
    toUnixTimestamp64Milli(raised_at) AS atMs,
    id,
    body
FROM alerts
WHERE ({customer:String} = '' OR customer = {customer:String})
    AND ({kind:String} = '' OR kind = {kind:String})
    AND raised_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
    AND raised_at < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
    AND (toUnixTimestamp64Milli(raised_at), alerts.id) < ({beforeMs:Int64}, {beforeId:String})
ORDER BY raised_at DESC, id DESC
LIMIT 1 BY id
LIMIT {limit:UInt32}
