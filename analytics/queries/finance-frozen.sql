-- Lines of one closing, a page of customers at a time: those of the period, or those that correct earlier ones.
SELECT
    customer, plan, feature, meter, scale, limit_id AS limit, adjusts,
    window_ms AS windowMs, window_end_ms AS windowEndMs, windows,
    opening, included, addons, used, voided, late, overage, closing_balance AS closing,
    peak_day AS peakDay, peak_day_used AS peakDayUsed, denied_count AS deniedCount, denied_amount AS deniedAmount
FROM finance_lines
WHERE finance_lines.closing = {closing:String}
    AND (adjusts != '') = {isAdjustment:Bool}
    AND customer > {after:String}
    AND ({customer:String} = '' OR customer = {customer:String})
    AND ({plan:String} = '' OR plan = {plan:String})
ORDER BY customer
LIMIT {limit:UInt32} WITH TIES
