-- What was charged to the windows of quotas and taken back of it, for some customers of one zone: before a period, and
-- in it, by when it happened. Windows of minutes and hours are added up by the local day on which they begin (`windowMs`
-- is its beginning, `windows` how many of them the period used); all others come one by one. Limits are the customers'
-- own: an entity's have its id and a slash before them.
SELECT
    customer,
    feature,
    argMax(window_meter, window_charged_at) AS meter,
    limit_id AS limitId,
    window_key AS windowMs,
    has({shortLimits:Array(String)}, limit_id) AS isShort,
    count() AS windows,
    sum(window_facts) AS facts,
    sum(window_before) AS before,
    sum(window_charged) AS charged,
    sum(window_voided) AS voided,
    sum(window_included) AS included,
    sum(greatest(window_before + window_charged - window_voided - window_included, 0)
        - greatest(window_before - window_included, 0)) AS overage,
    toString(any(window_peak)) AS peakDay,
    sum(window_peak_used) AS peakDayUsed
FROM
(
    SELECT
        customer, feature, limit_id,
        if(has({shortLimits:Array(String)}, limit_id),
            toInt64(toUnixTimestamp(toStartOfDay(fromUnixTimestamp64Milli(window_start, {timezone:String})))) * 1000,
            window_start) AS window_key,
        argMax(day_meter, day_charged_at) AS window_meter,
        max(day_charged_at) AS window_charged_at,
        sumIf(day_facts, is_inside) AS window_facts,
        sumIf(day_charged - day_voided, NOT is_inside) AS window_before,
        sumIf(day_charged, is_inside) AS window_charged,
        sumIf(day_voided, is_inside) AS window_voided,
        -- As the last charge has it: a correction names what was included when it was made.
        max(day_included).3 AS window_included,
        argMaxIf(day, (day_charged - day_voided, -toInt32(day)), is_inside) AS window_peak,
        maxIf(day_charged - day_voided, is_inside) AS window_peak_used
    FROM
    (
        SELECT
            customer, feature, limit_id, window_start, day, is_inside,
            argMax(meter, charged) AS day_meter,
            max(charged) AS day_charged_at,
            sum(part_facts) AS day_facts,
            sumIf(part_amount, NOT is_void) AS day_charged,
            -sumIf(part_amount, is_void) AS day_voided,
            max((NOT is_void, charged, part_included)) AS day_included
        FROM
        (
            SELECT
                customer, feature, meter, kind = 'void' AS is_void,
                toDate32(toStartOfFifteenMinutes(happened_at), {timezone:String}) AS day,
                toStartOfFifteenMinutes(happened_at) >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AS is_inside,
                limit_ids, limit_window_starts, limit_included,
                sum(toInt128(amount)) AS part_amount,
                count() AS part_facts,
                max(charged_at) AS charged
            FROM usage_facts
            WHERE customer IN {customers:Array(String)}
                AND toStartOfFifteenMinutes(happened_at) >= fromUnixTimestamp64Milli({historyMs:Int64}, 'UTC')
                AND toStartOfFifteenMinutes(happened_at) < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
                AND _partition_id >= {historyMonth:String}
                -- as of
            GROUP BY customer, feature, meter, is_void, day, is_inside, limit_ids, limit_window_starts, limit_included
        )
        ARRAY JOIN limit_ids AS limit_id, limit_window_starts AS window_start, limit_included AS part_included
        WHERE window_start >= 0
            AND (has({ownLimits:Array(String)}, limit_id) OR position(limit_id, '/') = 0)
        GROUP BY customer, feature, limit_id, window_start, day, is_inside
    )
    GROUP BY customer, feature, limit_id, window_key, window_start
    HAVING window_facts > 0 OR NOT has({shortLimits:Array(String)}, limit_id)
)
GROUP BY customer, feature, limitId, windowMs
ORDER BY customer, feature, limitId, windowMs
