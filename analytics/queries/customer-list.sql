-- Customers by id, as the newest change of each says, that have a text in their id or name; a page goes on after an id.
SELECT
    customer,
    JSONExtractString(body, 'name') AS name,
    JSONExtractString(body, 'plan') AS plan,
    JSONExtractString(body, 'status') AS status
FROM
(
    SELECT id AS customer, argMax(after, (version, outbox_ms, outbox_seq)) AS body
    FROM catalog_changes
    WHERE type = 'customer' AND id > {after:String}
    GROUP BY id
)
WHERE JSONHas(body, 'plan')
    AND ({plan:String} = '' OR JSONExtractString(body, 'plan') = {plan:String})
    AND ({text:String} = ''
        OR positionCaseInsensitiveUTF8(customer, {text:String}) > 0
        OR positionCaseInsensitiveUTF8(JSONExtractString(body, 'name'), {text:String}) > 0)
ORDER BY customer
LIMIT {limit:UInt32}
