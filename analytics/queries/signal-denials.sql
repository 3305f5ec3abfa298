-- Denials of some customers since an instant, by feature, reason, denying limit ('' for none) and hour.
SELECT
    customer,
    feature,
    reason,
    limit_id AS limitId,
    sumMap([toUnixTimestamp(toStartOfHour(denied_at))], [toUInt64(denials)]) AS hours
FROM denials
LEFT ARRAY JOIN denied_by AS limit_id
WHERE customer IN {customers:Array(String)} AND denied_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
GROUP BY customer, feature, reason, limitId
