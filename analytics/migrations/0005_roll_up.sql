-- The roll-ups again, with what came late apart, and sums that cannot overflow: amounts reach 2^53, so that a thousand
-- of them would leave an Int64. Parts of before keep being read row by row until the roll-up is made for them.
ALTER TABLE usage_facts ADD PROJECTION IF NOT EXISTS roll_up
(
    SELECT
        customer, feature, meter, late, toStartOfFifteenMinutes(happened_at),
        limit_ids, limit_window_starts, limit_included,
        sum(toInt128(amount)), sum(toInt128(meter_amount)), count(), max(charged_at)
    GROUP BY
        customer, feature, meter, late, toStartOfFifteenMinutes(happened_at),
        limit_ids, limit_window_starts, limit_included
);

ALTER TABLE usage_facts MATERIALIZE PROJECTION roll_up;

ALTER TABLE usage_facts DROP PROJECTION IF EXISTS by_quarter_hour;

ALTER TABLE denials ADD PROJECTION IF NOT EXISTS roll_up
(
    SELECT
        customer, feature, meter, reason, toStartOfFifteenMinutes(denied_at),
        sum(toInt128(amount)), sum(denials), count()
    GROUP BY customer, feature, meter, reason, toStartOfFifteenMinutes(denied_at)
);

ALTER TABLE denials MATERIALIZE PROJECTION roll_up;

ALTER TABLE denials DROP PROJECTION IF EXISTS by_quarter_hour;
