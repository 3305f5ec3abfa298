import type { Signal, SignalState } from '../api/signals.js';
import { formatAmount, formatDay } from '../pure/format.js';
import { customerRoute, formatRoute } from '../pure/route.js';
import { kindText, nameText } from '../pure/words.js';

const DAY_MS = 86_400_000;
const SNOOZE_DAYS = 14;

/** An amount, an instant by its day, or words. */
function numberText(value: string): string {
  if (/^-?\d+(\.\d+)?$/.test(value)) return formatAmount(value);
  return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? formatDay(Date.parse(value)) : value;
}

interface SignalCardProps {
  readonly signal: Signal;
  /** On the customer's own page its name is said already. */
  readonly named?: boolean;
  /** Undefined where the key may not change it. */
  onSet?: ((signal: Signal, state: SignalState, untilMs?: number) => void) | undefined;
}

/** One signal: who, why, by which numbers, since when, and what to do with it. */
export function SignalCard({ signal, named = true, onSet }: SignalCardProps) {
  const { customer, plan, feature, limit, kind, score, reason, state } = signal;
  const href = formatRoute(customerRoute(customer, { feature, limit }));
  return (
    <li class="card signal">
      <div class="signal-head">
        <span class={`badge badge-${kind === 'churn' ? 'bad' : 'good'}`}>{kindText(kind)}</span>
        {named && (
          <a class="signal-customer" href={href} title={customer}>
            {customer}
          </a>
        )}
        {named && plan !== undefined && <span class="sub">{plan}</span>}
        <span class="signal-score" title="Score, 0 to 100">
          <span class="sub">score</span> {Math.round(score)}
        </span>
      </div>
      <p>{reason}</p>
      <dl class="signal-numbers">
        {feature !== undefined && (
          <div>
            <dt>limit</dt>
            <dd>
              <a href={href}>
                {feature} {limit ?? ''}
              </a>
            </dd>
          </div>
        )}
        {signal.numbers.map(({ name, value }) => (
          <div key={name}>
            <dt>{nameText(name)}</dt>
            <dd>{numberText(value)}</dd>
          </div>
        ))}
        <div>
          <dt>first seen</dt>
          <dd>{formatDay(signal.firstSeenMs)}</dd>
        </div>
        <div>
          <dt>last seen</dt>
          <dd>{formatDay(signal.lastSeenMs)}</dd>
        </div>
        {signal.snoozedUntilMs !== null && (
          <div>
            <dt>snoozed until</dt>
            <dd>{formatDay(signal.snoozedUntilMs)}</dd>
          </div>
        )}
      </dl>
      {onSet !== undefined && (
        <div class="signal-actions">
          {state === 'open' ? (
            <>
              <button type="button" onClick={() => onSet(signal, 'done')}>
                Done<span class="visually-hidden">: {customer}</span>
              </button>
              <button type="button" onClick={() => onSet(signal, 'snoozed', Date.now() + SNOOZE_DAYS * DAY_MS)}>
                Snooze {SNOOZE_DAYS} days<span class="visually-hidden">: {customer}</span>
              </button>
            </>
          ) : (
            <button type="button" onClick={() => onSet(signal, 'open')}>
              Open again<span class="visually-hidden">: {customer}</span>
            </button>
          )}
        </div>
      )}
    </li>
  );
}
