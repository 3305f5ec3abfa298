-- How far the customers of each plan have used its quotas in their current windows: customers by tenths of what is
-- included, 10 for all of it and more. Rows without a feature tell of a plan as a whole: how many of its customers are at
-- 80 % or more of any quota.
--
-- A window is taken as current until one length after its start, by UTC: of a window that was cut short (an anchor on the
-- 31st, a change of the clock) the old one counts for up to three days longer, where nothing was charged since.
WITH
    customers AS
    (
        SELECT id, JSONExtractString(argMax(after, (version, outbox_ms, outbox_seq)), 'plan') AS plan
        FROM catalog_changes
        WHERE type = 'customer'
        GROUP BY id
    ),
    windows AS
    (
        SELECT
            customer, feature, limit_id,
            max(window_start) AS latest_start,
            argMax(window_used, window_start) AS latest_used,
            argMax(window_included, window_start) AS latest_included
        FROM
        (
            SELECT
                customer, toString(feature) AS feature, toString(part_id) AS limit_id, window_start,
                sum(part_amount) AS window_used,
                argMax(part_included, charged) AS window_included
            FROM
            (
                SELECT
                    customer, feature, limit_ids, limit_window_starts, limit_included,
                    sum(toInt128(amount)) AS part_amount,
                    max(charged_at) AS charged
                FROM usage_facts
                GROUP BY customer, feature, limit_ids, limit_window_starts, limit_included
            )
            ARRAY JOIN limit_ids AS part_id, limit_window_starts AS window_start, limit_included AS part_included
            WHERE window_start >= {fromMs:Int64} OR window_start = 0
            GROUP BY customer, feature, limit_id, window_start
        )
        GROUP BY customer, feature, limit_id
    ),
    placed AS
    (
        SELECT
            plan, customer, feature, limit_id,
            toUInt8(greatest(0, least(10, intDiv(latest_used * 10, toInt128(latest_included))))) AS tenth,
            {everies:Array(String)}[arrayFirstIndex(
                (of_plan, of_feature, of_limit) -> of_plan = plan AND of_feature = feature AND of_limit = limit_id,
                {plans:Array(String)}, {features:Array(String)}, {limits:Array(String)})] AS every,
            fromUnixTimestamp64Milli(latest_start, 'UTC') AS start,
            fromUnixTimestamp64Milli({nowMs:Int64}, 'UTC') AS now_at
        FROM windows
        INNER JOIN customers ON windows.customer = customers.id
        WHERE latest_included > 0
    )
SELECT
    plan,
    feature,
    limit_id AS limitId,
    tenth,
    toFloat64(uniqExact(customer)) AS customers,
    toFloat64(uniqExactIf(customer, tenth >= 8)) AS near
FROM placed
WHERE multiIf(
    every = 'minute', addMinutes(start, 1) > now_at,
    every = 'hour', addHours(start, 1) > now_at,
    every = 'day', addDays(start, 1) > now_at,
    every = 'week', addWeeks(start, 1) > now_at,
    every = 'month', addMonths(start, 1) > now_at,
    every = 'year', addYears(start, 1) > now_at,
    every = 'lifetime')
GROUP BY GROUPING SETS ((plan, feature, limitId, tenth), (plan))
ORDER BY plan, feature, limitId, tenth
