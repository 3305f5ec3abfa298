-- Every alert, as it was raised. A process that died may have written one twice: who reads takes one row an id.
CREATE TABLE IF NOT EXISTS alerts
(
    id String,
    raised_at DateTime64(3, 'UTC'),
    kind LowCardinality(String),
    customer String,
    plan LowCardinality(String),
    feature LowCardinality(String),
    body String CODEC(ZSTD),
    INDEX ids id TYPE bloom_filter GRANULARITY 1,
    INDEX customers customer TYPE bloom_filter GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(raised_at)
ORDER BY (raised_at, id);

-- The log of deliveries: a row for each state, so one or more for each attempt. The latest is what became of it.
CREATE TABLE IF NOT EXISTS alert_deliveries
(
    id String,
    created_at DateTime64(3, 'UTC'),
    updated_at DateTime64(3, 'UTC'),
    attempts UInt32,
    state LowCardinality(String),
    target String,
    customer String,
    body String CODEC(ZSTD),
    INDEX ids id TYPE bloom_filter GRANULARITY 1,
    INDEX customers customer TYPE bloom_filter GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(created_at)
ORDER BY (created_at, id, updated_at);
