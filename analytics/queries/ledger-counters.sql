-- What the counters of some customers were, as facts say: the sums of some windows of quotas; of a bucket (window -2) what
-- its last fact left. `peaks` are the greatest counters for each amount that was included.
SELECT
    customer,
    feature,
    limit_id AS limitId,
    window_start AS windowMs,
    sum(toInt128(amount)) AS charged,
    maxMap([included], [after_fact]) AS peaks,
    argMax(after_fact, (epoch, outbox_ms, outbox_seq, idx)) AS after,
    toUnixTimestamp64Milli(max(charged_at)) AS atMs
FROM usage_facts
ARRAY JOIN
    limit_ids AS limit_id, limit_window_starts AS window_start, limit_included AS included, limit_after AS after_fact
WHERE customer IN {customers:Array(String)} AND window_start IN {starts:Array(Int64)}
GROUP BY customer, feature, limitId, windowMs
