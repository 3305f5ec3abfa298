-- What is booked for some customers in one closed period by now: its lines, and the corrections that later periods have.
SELECT
    customer, any(finance_lines.plan) AS plan, feature, meter, any(finance_lines.scale) AS scale, limit_id AS limit,
    '' AS adjusts,
    window_ms AS windowMs, any(finance_lines.window_end_ms) AS windowEndMs, sum(finance_lines.windows) AS windows,
    sum(finance_lines.opening) AS opening,
    sum(finance_lines.included) AS included,
    sum(finance_lines.addons) AS addons,
    sum(finance_lines.used) AS used,
    sum(finance_lines.voided) AS voided,
    sum(finance_lines.late) AS late,
    sum(finance_lines.overage) AS overage,
    sum(closing_balance) AS closing,
    '' AS peakDay, toInt128(0) AS peakDayUsed,
    sum(denied_count) AS deniedCount,
    sum(denied_amount) AS deniedAmount
FROM finance_lines
WHERE finance_lines.closing IN {closings:Array(String)}
    AND customer IN {customers:Array(String)}
    AND (finance_lines.adjusts = {period:String} OR finance_lines.adjusts = '' AND period = {period:String})
GROUP BY customer, feature, meter, limit_id, window_ms
