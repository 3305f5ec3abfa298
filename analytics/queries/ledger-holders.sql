-- Whose limits the facts of some customers name since an instant: '' the customer's own, else an entity's, which stands
-- before a slash.
SELECT DISTINCT
    customer,
    if(position(limit_id, '/') = 0, '', substring(limit_id, 1, position(limit_id, '/') - 1)) AS entity
FROM usage_facts
ARRAY JOIN limit_ids AS limit_id
WHERE customer IN {customers:Array(String)} AND charged_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
ORDER BY customer, entity
