-- Signals, the highest score first, a page at a time, each with the state that people gave it since it was first seen.
SELECT
    s.id AS id,
    s.kind AS kind,
    s.rule AS rule,
    s.customer AS customer,
    s.plan AS plan,
    s.feature AS feature,
    s.limit_id AS limitId,
    s.score AS score,
    s.reason AS reason,
    s.numbers AS numbers,
    toUnixTimestamp64Milli(s.first_seen) AS firstSeenMs,
    toUnixTimestamp64Milli(s.last_seen) AS lastSeenMs,
    multiIf(
        NOT s.present, 'gone',
        c.latest_at < s.first_seen OR c.state = '', 'open',
        c.state = 'snoozed' AND c.until <= fromUnixTimestamp64Milli({nowMs:Int64}, 'UTC'), 'open',
        c.state) AS shownState,
    if(shownState = 'snoozed', toUnixTimestamp64Milli(c.until), NULL) AS snoozedUntilMs,
    if(c.latest_at < s.first_seen, '', c.actor) AS changedBy
FROM (SELECT * FROM signals FINAL
    WHERE ({customer:String} = '' OR customer = {customer:String}) AND ({id:String} = '' OR id = {id:String})) AS s
LEFT JOIN
(
    SELECT
        id,
        argMax(state, changed_at) AS state,
        -- A tuple, since argMax passes over rows whose value is null.
        tupleElement(argMax(tuple(until), changed_at), 1) AS until,
        argMax(actor, changed_at) AS actor,
        max(changed_at) AS latest_at
    FROM signal_states
    GROUP BY id
) AS c ON c.id = s.id
WHERE ({kind:String} = '' OR s.kind = {kind:String})
    AND ({state:String} = shownState OR {state:String} = '' AND (shownState != 'gone' OR {id:String} != ''))
    AND (s.score < {afterScore:UInt16}
        OR s.score = {afterScore:UInt16} AND (s.customer, s.id) > ({afterCustomer:String}, {afterId:String}))
ORDER BY s.score DESC, s.customer, s.id
LIMIT {limit:UInt32}
