-- What was included in some windows of a customer's quotas, as the last charge of each has it. None was charged before
-- the earliest of them began.
SELECT
    feature,
    limit_id AS limitId,
    window_start AS windowStartMs,
    argMax(included, charged_at) AS lastIncluded
FROM usage_facts
ARRAY JOIN limit_ids AS limit_id, limit_window_starts AS window_start, limit_included AS included
WHERE customer = {customer:String}
    AND charged_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
    AND feature IN {features:Array(String)}
    AND hasAny(usage_facts.limit_window_starts, {windows:Array(Int64)})
    AND has({windows:Array(Int64)}, window_start)
    AND kind != 'void'
GROUP BY feature, limitId, windowStartMs
