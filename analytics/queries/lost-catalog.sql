-- The catalog as its audit trail has it last: what was not deleted, with its owner and its body (JSON).
SELECT
    type,
    id,
    argMax(owner, (epoch, outbox_ms, outbox_seq, idx)) AS lastOwner,
    argMax(after, (epoch, outbox_ms, outbox_seq, idx)) AS body
FROM catalog_changes
GROUP BY type, id
HAVING body != 'null'
ORDER BY type, id
