-- What each quota's use is expected to come to. A row is written anew at each run; the newest one of a limit counts, and
-- readers say FINAL, so that nothing relies on a merge. Amounts in the meter's smallest unit; instants that are not
-- reached, and the end of a lifetime, are null.
CREATE TABLE IF NOT EXISTS forecasts
(
    customer String,
    feature LowCardinality(String),
    limit_id LowCardinality(String),
    meter LowCardinality(String),
    window_start DateTime64(3, 'UTC'),
    window_end Nullable(DateTime64(3, 'UTC')),
    included Int64,
    cap Nullable(Int64),
    used Int64,
    expected Nullable(Int64),
    low Nullable(Int64),
    high Nullable(Int64),
    reaches_at Nullable(DateTime64(3, 'UTC')),
    reaches_from Nullable(DateTime64(3, 'UTC')),
    reaches_to Nullable(DateTime64(3, 'UTC')),
    as_of DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(as_of)
ORDER BY (customer, feature, limit_id);

-- Runs of forecasts and signals that came to their end: where the next one goes on.
CREATE TABLE IF NOT EXISTS forecast_runs
(
    started_at DateTime64(3, 'UTC'),
    ended_at DateTime64(3, 'UTC'),
    -- Whether all customers were looked at, or those with new facts.
    whole Bool,
    customers UInt32
)
ENGINE = MergeTree
ORDER BY started_at;
