-- Closes signals of customers that a run over all of them did not come to: they left the catalog.
INSERT INTO signals
SELECT
    id, kind, rule, customer, plan, feature, limit_id, score, reason, numbers, first_seen, last_seen, false,
    fromUnixTimestamp64Milli({nowMs:Int64}, 'UTC')
FROM signals FINAL
WHERE present AND updated_at < fromUnixTimestamp64Milli({nowMs:Int64}, 'UTC')
