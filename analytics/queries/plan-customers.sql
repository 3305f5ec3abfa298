-- Customers by plan, as the newest change of each says: one reading of the audit trail in place of a look at every
-- customer of the catalog. A customer that was removed has no body.
SELECT
    plan,
    toFloat64(count()) AS customers
FROM
(
    SELECT id, JSONExtractString(argMax(after, (version, outbox_ms, outbox_seq)), 'plan') AS plan
    FROM catalog_changes
    WHERE type = 'customer'
    GROUP BY id
)
WHERE plan != ''
GROUP BY plan
ORDER BY plan
