-- The states of one delivery, the latest first.
SELECT body
FROM alert_deliveries
WHERE id = {id:String}
ORDER BY updated_at DESC, attempts DESC
LIMIT 1 BY updated_at, attempts
LIMIT {limit:UInt32}
