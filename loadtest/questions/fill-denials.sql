-- One line of the denial ledger for every hundredth fact, as fill-facts.sql spreads them.
INSERT INTO denials
(
    epoch, shard, outbox_ms, outbox_seq, idx, denied_at, customer, entity, feature, meter, reason, denied_by,
    amount, denials, limit_ids, limit_used, limit_included, catalog_version
)
SELECT
    1, 's00', at_ms, toUInt32(number % 4294967296), 0, fromUnixTimestamp64Milli(at_ms, 'UTC'),
    concat('customer-', leftPad(toString(customer_index), 6, '0')), '', 'chat', 'tokens', 'limit_exceeded',
    [if(number % 3 = 0, 'burst', 'monthly')],
    500, 1, ['monthly', 'burst'], [1000000, 0], [1000000, 1000], 1
FROM
(
    SELECT
        number,
        toInt64({beginMs:Int64} + intDiv(toInt128(number) * {spanMs:Int64}, {denials:Int64})) AS at_ms,
        cityHash64(number, 'denied') / 18446744073709551616. AS draw,
        toUInt32(draw * draw * {customers:UInt32}) AS customer_index
    FROM numbers({denials:UInt64})
)
SETTINGS max_insert_threads = 2, max_threads = 2, min_insert_block_size_rows = 1000000
