-- The month in which something was booked first; no row for an empty ledger.
SELECT formatDateTime(min(charged_at), '%Y-%m') AS month
FROM usage_facts
WHERE _partition_id = (SELECT min(_partition_id) FROM usage_facts)
HAVING count() > 0
