-- Who may insert: a sink writes its fence before its first insert, and every insert checks that no greater one exists.
CREATE TABLE IF NOT EXISTS sink_fences
(
    fence UInt64,
    fenced_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY fence;
