import { useState } from 'preact/hooks';
import { ApiError } from '../api/http.js';
import { type Signal, type SignalState, setSignalState, signals } from '../api/signals.js';
import { useResource } from '../hooks/use-resource.js';
import { replaceRoute } from '../hooks/use-route.js';
import { Choice } from '../parts/choice.js';
import { Loaded } from '../parts/loaded.js';
import { MoreButton } from '../parts/more-button.js';
import { EmptyPanel } from '../parts/panels.js';
import { KINDS, type SignalsRoute, STATES } from '../pure/route.js';
import { kindText } from '../pure/words.js';
import { SignalCard } from './signal-card.js';

const PAGE_ROWS = 50;
const ROWS_MAX = 1_000;
const REFRESH_MS = 30_000;

const STATE_TEXTS: Readonly<Record<(typeof STATES)[number], string>> = {
  open: 'Open',
  snoozed: 'Snoozed',
  done: 'Done',
};

interface SignalsProps {
  readonly route: SignalsRoute;
  /** Only the scope `admin` may change a signal. */
  readonly mayChange: boolean;
}

/** The inbox of customer success: whom to talk to, why, and by which numbers. */
export function Signals({ route, mayChange }: SignalsProps) {
  const [limit, setLimit] = useState(PAGE_ROWS);
  const [problem, setProblem] = useState('');
  const { kind, state } = route;
  const page = useResource(
    JSON.stringify([kind, state, limit]),
    (signal) => signals({ kind: kind === 'all' ? undefined : kind, state, limit }, signal),
    { everyMs: REFRESH_MS },
  );
  const set = (signal: Signal, next: SignalState, untilMs?: number): void => {
    setProblem('');
    setSignalState(signal.id, next, untilMs).then(page.reload, (error: unknown) => {
      setProblem(error instanceof ApiError ? error.message : String(error));
    });
  };
  return (
    <>
      <div class="heading">
        <h1>Signals</h1>
      </div>
      <div class="toolbar">
        <Choice
          legend="State"
          options={STATES.map((value) => ({ value, text: STATE_TEXTS[value] }))}
          value={state}
          onChoose={(value) => replaceRoute({ ...route, state: value })}
        />
        <Choice
          legend="Kind"
          options={KINDS.map((value) => ({ value, text: value === 'all' ? 'All' : kindText(value) }))}
          value={kind}
          onChoose={(value) => replaceRoute({ ...route, kind: value })}
        />
      </div>
      {!mayChange && (
        <p class="summary">
          Your key may read: to snooze signals or mark them done, sign in with one that has the scope admin.
        </p>
      )}
      {problem !== '' && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <Loaded resource={page} what="signals" lines={8}>
        {(data) =>
          data.rows.length === 0 ? (
            <EmptyPanel title={state === 'open' ? 'Nothing to do' : `None is ${STATE_TEXTS[state].toLowerCase()}`}>
              {state === 'open' && <p>No customer gives a reason to call. As soon as one does, it appears here.</p>}
            </EmptyPanel>
          ) : (
            <>
              <ul class="signals" aria-label="Signals">
                {data.rows.map((row) => (
                  <SignalCard key={row.id} signal={row} onSet={mayChange ? set : undefined} />
                ))}
              </ul>
              {data.cursor !== undefined && <MoreButton limit={limit} limitMax={ROWS_MAX} onMore={setLimit} />}
            </>
          )
        }
      </Loaded>
    </>
  );
}
