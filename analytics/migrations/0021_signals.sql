-- What the rules found, a row for each customer, rule, feature and limit; written anew whenever the customer is looked at,
-- and kept when it went away (`present` = false). The newest row of an id counts, and readers say FINAL.
CREATE TABLE IF NOT EXISTS signals
(
    id String,
    kind LowCardinality(String),
    rule LowCardinality(String),
    customer String,
    plan LowCardinality(String),
    feature LowCardinality(String),
    limit_id LowCardinality(String),
    score UInt8,
    reason String,
    numbers String,
    first_seen DateTime64(3, 'UTC'),
    last_seen DateTime64(3, 'UTC'),
    present Bool,
    updated_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (customer, id);

-- What people said of them, and who: never overwritten. The latest one since a signal was first seen counts.
CREATE TABLE IF NOT EXISTS signal_states
(
    id String,
    state LowCardinality(String),
    until Nullable(DateTime64(3, 'UTC')),
    actor String,
    changed_at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (id, changed_at);
