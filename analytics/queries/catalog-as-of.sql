-- Objects of the catalog as they were at an instant, by the audit trail: what the last change up to then left, else what
-- the first change after it found, or, where it made the object, left: usage of a time before Weir came is replayed.
-- `null` where there was none; no row where nothing was ever changed.
SELECT
    type,
    id,
    if(countIf(changed_at <= fromUnixTimestamp64Milli({atMs:Int64}, 'UTC')) > 0,
        argMaxIf(after, (toUInt64(version), toUInt64(outbox_ms), outbox_seq, idx), changed_at <= fromUnixTimestamp64Milli({atMs:Int64}, 'UTC')),
        argMin(if(before = 'null', after, before), (toUInt64(version), toUInt64(outbox_ms), outbox_seq, idx))) AS body
FROM catalog_changes
WHERE type IN {types:Array(String)} AND ({everyId:Bool} OR id IN {ids:Array(String)})
GROUP BY type, id
