-- What usage is grouped by: the dimensions without what the engine itself keeps among them (a unique value, what a void
-- takes back), which differs from fact to fact. Not among the columns of an insert.
ALTER TABLE usage_facts ADD COLUMN IF NOT EXISTS group_dimensions Map(LowCardinality(String), String)
    MATERIALIZED mapFilter((name, text) -> NOT match(name, '^(unique|void):'), dimensions);

-- A roll-up by dimensions, without customers: usage of everyone by model or region is a sum over few rows. With
-- dimensions of very many values it is as long as the facts are.
ALTER TABLE usage_facts ADD PROJECTION IF NOT EXISTS roll_up_dimensions
(
    SELECT
        meter, toStartOfFifteenMinutes(happened_at), group_dimensions,
        sum(toInt128(meter_amount)), count()
    GROUP BY meter, toStartOfFifteenMinutes(happened_at), group_dimensions
);

ALTER TABLE usage_facts MATERIALIZE PROJECTION roll_up_dimensions;
