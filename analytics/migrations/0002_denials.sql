-- The denial ledger: one row stands for `denials` refusals of one customer by the same limits in one call.
CREATE TABLE IF NOT EXISTS denials
(
    epoch UInt64,
    shard LowCardinality(String),
    outbox_ms UInt64 CODEC(Delta, LZ4),
    outbox_seq UInt32,
    idx UInt32,
    denied_at DateTime64(3, 'UTC') CODEC(Delta, LZ4),
    customer String,
    entity String,
    feature LowCardinality(String),
    meter LowCardinality(String),
    reason LowCardinality(String),
    denied_by Array(LowCardinality(String)),
    -- Sum over the refusals, in the meter's smallest unit.
    amount Int64,
    denials UInt32,
    limit_ids Array(LowCardinality(String)),
    limit_used Array(Int64),
    limit_included Array(Int64),
    catalog_version UInt64,
    INDEX outbox_ms_range outbox_ms TYPE minmax GRANULARITY 1,
    PROJECTION by_quarter_hour
    (
        SELECT
            customer, feature, meter, reason, toStartOfFifteenMinutes(denied_at),
            sum(amount), sum(denials), count()
        GROUP BY customer, feature, meter, reason, toStartOfFifteenMinutes(denied_at)
    )
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(denied_at)
ORDER BY (customer, feature, denied_at);
