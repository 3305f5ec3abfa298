-- The latest windows of some customers' quotas: what was charged to each, and what was included at its last charge.
SELECT
    customer,
    feature,
    limit_id AS limitId,
    window_start AS windowStartMs,
    sum(amount) AS used,
    argMax(included, charged) AS windowIncluded
FROM
(
    SELECT
        customer, feature, limit_ids, limit_window_starts, limit_included,
        sum(toInt128(amount)) AS amount,
        max(charged_at) AS charged
    FROM usage_facts
    WHERE customer IN {customers:Array(String)}
    GROUP BY customer, feature, limit_ids, limit_window_starts, limit_included
)
ARRAY JOIN limit_ids AS limit_id, limit_window_starts AS window_start, limit_included AS included
WHERE window_start > 0
GROUP BY customer, feature, limitId, windowStartMs
ORDER BY customer, feature, limitId, windowStartMs DESC
LIMIT {windows:UInt32} BY customer, feature, limitId
