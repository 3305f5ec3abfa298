-- The audit trail of the catalog, newest first.
SELECT
    toUnixTimestamp64Milli(changed_at) AS atMs,
    toFloat64(version) AS version,
    actor,
    owner,
    type,
    id,
    before,
    after,
    toFloat64(outbox_ms) AS outboxMs,
    outbox_seq AS outboxSeq
FROM catalog_changes
WHERE ({type:String} = '' OR type = {type:String})
    AND ({id:String} = '' OR id = {id:String})
    AND ({actor:String} = '' OR actor = {actor:String})
    AND changed_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
    AND changed_at < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
    AND (toUInt64(catalog_changes.version), toUInt64(outbox_ms), outbox_seq)
        < ({beforeVersion:UInt64}, {beforeOutboxMs:UInt64}, {beforeOutboxSeq:UInt32})
ORDER BY catalog_changes.version DESC, outbox_ms DESC, outbox_seq DESC
LIMIT {limit:UInt32}
