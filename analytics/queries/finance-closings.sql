-- Periods that were closed by an instant, each by its first closing.
SELECT
    period,
    argMin(finance_closings.closing, (finance_closings.closed_at, finance_closings.closing)) AS closing,
    toUnixTimestamp64Milli(min(finance_closings.closed_at)) AS closedAtMs,
    argMin(finance_closings.lines, (finance_closings.closed_at, finance_closings.closing)) AS lines
FROM finance_closings
WHERE finance_closings.closed_at <= fromUnixTimestamp64Milli({asOfMs:Int64}, 'UTC')
GROUP BY period
ORDER BY period
