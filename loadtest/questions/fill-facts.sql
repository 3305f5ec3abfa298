-- Facts number `fromFact` to `toFact` of `facts`, spread evenly over [beginMs, beginMs + spanMs) in order. Customers are
-- drawn by the square of an even draw, so that few have much; every tenth is in Berlin, every tenth in Kolkata. One in
-- 200 takes back, one in 1 000 is late.
INSERT INTO usage_facts
(
    epoch, shard, outbox_ms, outbox_seq, idx, charged_at, happened_at, customer, entity, feature, meter,
    amount, meter_amount, kind, late, source, id, dimensions,
    limit_ids, limit_window_starts, limit_after, limit_included, catalog_version
)
SELECT
    1, 's00', at_ms, toUInt32(number % 4294967296), 0,
    fromUnixTimestamp64Milli(at_ms, 'UTC') AS at, at,
    concat('customer-', leftPad(toString(customer_index), 6, '0')), '',
    if(is_chat, 'chat', 'api'), if(is_chat, 'tokens', 'calls'),
    multiIf(is_void, -units, units) AS charged, charged,
    multiIf(is_void, 'void', is_event, 'record', number % 100 = 1, 'commit', 'check'),
    is_late,
    if(is_event, 'app', ''), if(is_event, lower(hex(cityHash64(number))), ''),
    if(is_event, map('model', concat('model-', toString(intDiv(mix, 3) % 8)), 'region', ['eu', 'us', 'asia'][intDiv(mix, 24) % 3 + 1]), map()),
    if(is_late, ['burst'], ['monthly', 'burst']),
    if(is_late, [-2], [month_ms, -2]),
    if(is_late, [0], [toInt64(number % 1000000), 0]),
    if(is_late, [1000], [if(is_chat, included, 1000000), 1000]),
    1
FROM
(
    SELECT
        number,
        toInt64({beginMs:Int64} + intDiv(toInt128(number) * {spanMs:Int64}, {facts:Int64})) AS at_ms,
        cityHash64(number, 'customer') / 18446744073709551616. AS draw,
        toUInt32(draw * draw * {customers:UInt32}) AS customer_index,
        cityHash64(number, 'more') AS mix,
        mix % 5 != 0 AS is_chat,
        number % 200 = 7 AS is_void,
        is_void OR mix % 3 = 0 AS is_event,
        number % 1000 = 11 AS is_late,
        if(is_chat, toInt64(1 + mix % 2000), 1) AS units,
        toInt64(multiIf(
            customer_index % 10 = 1,
            toUnixTimestamp(toDateTime(toStartOfMonth(fromUnixTimestamp64Milli(at_ms, 'Europe/Berlin')), 'Europe/Berlin')),
            customer_index % 10 = 2,
            toUnixTimestamp(toDateTime(toStartOfMonth(fromUnixTimestamp64Milli(at_ms, 'Asia/Kolkata')), 'Asia/Kolkata')),
            toUnixTimestamp(toDateTime(toStartOfMonth(fromUnixTimestamp64Milli(at_ms, 'UTC')), 'UTC')))) * 1000 AS month_ms,
        arrayElement({included:Array(Int64)}, customer_index + 1) AS included
    FROM numbers({fromFact:UInt64}, {toFact:UInt64} - {fromFact:UInt64})
)
SETTINGS max_insert_threads = 2, max_threads = 2, min_insert_block_size_rows = 1000000, optimize_on_insert = 0
