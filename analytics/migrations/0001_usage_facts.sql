-- Every charge, one row a fact (engine/contract/fact.ts). A row's identity is (epoch, shard, outbox_ms, outbox_seq, idx):
-- where it stood in the outbox. The sink inserts each identity once; nothing here relies on merges for that.
--
-- amount is what was charged to the feature's limits, meter_amount what its meter counts (0 where another fact of the
-- same operation counts it); both are negative in a void, so that every sum is right without looking at the kind.
-- limit_*: the quotas and buckets charged; a window start of -2 is a bucket, which has none.
CREATE TABLE IF NOT EXISTS usage_facts
(
    epoch UInt64,
    shard LowCardinality(String),
    outbox_ms UInt64 CODEC(Delta, LZ4),
    outbox_seq UInt32,
    idx UInt32,
    charged_at DateTime64(3, 'UTC') CODEC(Delta, LZ4),
    happened_at DateTime64(3, 'UTC') CODEC(Delta, LZ4),
    customer String,
    entity String,
    feature LowCardinality(String),
    meter LowCardinality(String),
    amount Int64,
    meter_amount Int64,
    kind Enum8('check' = 0, 'record' = 1, 'commit' = 2, 'void' = 3),
    late Bool,
    source LowCardinality(String),
    id String,
    dimensions Map(LowCardinality(String), String),
    limit_ids Array(LowCardinality(String)),
    limit_window_starts Array(Int64),
    limit_after Array(Int64),
    limit_included Array(Int64),
    catalog_version UInt64,
    -- After a crash the sink asks for the last entries of the outbox that are here.
    INDEX outbox_ms_range outbox_ms TYPE minmax GRANULARITY 1,
    -- Roll-up for reports. A quarter of an hour, since zones at :30 and :45 exist. The windows are in the key, so that
    -- what was used of a quota's window is a sum over few rows. Committed with its part: no second table to disagree.
    PROJECTION by_quarter_hour
    (
        SELECT
            customer, feature, meter, toStartOfFifteenMinutes(happened_at), limit_ids, limit_window_starts, limit_included,
            sum(amount), sum(meter_amount), count(), max(charged_at)
        GROUP BY
            customer, feature, meter, toStartOfFifteenMinutes(happened_at), limit_ids, limit_window_starts, limit_included
    )
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(charged_at)
ORDER BY (customer, feature, charged_at);
