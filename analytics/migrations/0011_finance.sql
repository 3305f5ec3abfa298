-- The finance report of closed periods. A closing writes its lines and its counts first, and itself last: lines whose
-- closing is not in finance_closings are those of one that was cut off, and count for nothing. Where two closed the
-- same period, the first one counts.
CREATE TABLE IF NOT EXISTS finance_closings
(
    -- A calendar month, 2026-11.
    period LowCardinality(String),
    closing String,
    closed_at DateTime64(3, 'UTC'),
    lines UInt64
)
ENGINE = MergeTree
ORDER BY (period, closed_at);

-- One row a line of the report (analytics/finance/figure.ts). `adjusts` is the closed period that a line corrects, ''
-- for a line of the period itself; a window of -1 is none, an end of -1 is not known or never.
CREATE TABLE IF NOT EXISTS finance_lines
(
    period LowCardinality(String),
    closing String,
    adjusts LowCardinality(String),
    customer String,
    plan LowCardinality(String),
    feature LowCardinality(String),
    meter LowCardinality(String),
    scale UInt8,
    limit_id LowCardinality(String),
    window_ms Int64,
    window_end_ms Int64,
    windows Int32,
    opening Int128,
    included Nullable(Int128),
    addons Int128,
    used Int128,
    voided Int128,
    late Int128,
    overage Int128,
    closing_balance Int128,
    peak_day String,
    peak_day_used Int128,
    denied_count Int128,
    denied_amount Int128
)
ENGINE = MergeTree
ORDER BY (closing, adjusts != '', customer, adjusts, feature, limit_id, window_ms, meter);

-- How many facts and denials a customer had when a period was closed, of all that had happened by then and a day more:
-- who has another number since has corrections.
CREATE TABLE IF NOT EXISTS finance_counts
(
    closing String,
    customer String,
    entries Int64
)
ENGINE = MergeTree
ORDER BY (closing, customer);
