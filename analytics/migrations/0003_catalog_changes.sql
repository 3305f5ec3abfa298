-- The audit trail: every change of the catalog, with who made it, what was there before and what came after (JSON).
CREATE TABLE IF NOT EXISTS catalog_changes
(
    epoch UInt64,
    shard LowCardinality(String),
    outbox_ms UInt64 CODEC(Delta, LZ4),
    outbox_seq UInt32,
    idx UInt32,
    changed_at DateTime64(3, 'UTC'),
    version UInt64,
    actor String,
    owner LowCardinality(String),
    type LowCardinality(String),
    id String,
    before String CODEC(ZSTD),
    after String CODEC(ZSTD),
    INDEX outbox_ms_range outbox_ms TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(changed_at)
ORDER BY (version, outbox_ms, outbox_seq);
