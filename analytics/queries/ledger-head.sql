-- How much the ledger holds, and the time of its newest fact; both stand with the parts, so that no row is read.
SELECT
    toFloat64(count()) AS facts,
    if(count() = 0, 0, toFloat64(toUnixTimestamp64Milli(max(charged_at)))) AS newestMs
FROM usage_facts
