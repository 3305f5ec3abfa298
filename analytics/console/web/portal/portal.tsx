import { useEffect, useState } from 'preact/hooks';
import { ApiError, onSignedOut } from '../api/http.js';
import { useResource } from '../hooks/use-resource.js';
import { Loaded } from '../parts/loaded.js';
import { Logo } from '../parts/logo.js';
import { ErrorPanel } from '../parts/panels.js';
import { ThemeButton } from '../parts/theme-button.js';
import { formatInstant } from '../pure/format.js';
import { closeSession, forecast, invoice, monthUsage, openSession, type Summary, summary } from './api.js';
import { DaysSection } from './days-section.js';
import { InvoiceTable } from './invoice-table.js';
import { LimitsList } from './limits-list.js';

const REFRESH_MS = 30_000;

type State = { readonly step: 'opening' | 'open' | 'over' | 'left' } | { readonly step: 'failed'; message: string };

/** A customer's own usage. @param token of the link; '' where the page was opened again, by its cookie. */
export function Portal({ token }: { token: string }) {
  const [state, setState] = useState<State>({ step: token === '' ? 'open' : 'opening' });
  useEffect(() => {
    onSignedOut(() => setState({ step: 'over' }));
    if (token !== '') open();
  }, [token]);

  const open = (): void => {
    openSession(token).then(
      () => setState({ step: 'open' }),
      (error: unknown) => setState(refused(error)),
    );
  };
  const leave = (): void => {
    closeSession().then(
      () => setState({ step: 'left' }),
      (error: unknown) => setState(refused(error)),
    );
  };
  switch (state.step) {
    case 'opening':
      return <Message title="Opening your usage …" text="One moment." />;
    case 'over':
      return (
        <Message
          title="This link has expired"
          text="For your safety a link to your usage works for a short time only. Ask whoever sent it for a new one."
        />
      );
    case 'left':
      return <Message title="You have signed out" text="To see your usage again, open a new link." />;
    case 'failed':
      return (
        <main class="page">
          <h1>Your usage</h1>
          <ErrorPanel
            title="Your usage did not open"
            message={state.message}
            onRetry={token === '' ? undefined : open}
          />
        </main>
      );
    case 'open':
      return <OwnUsage onLeave={leave} />;
  }
}

const refused = (error: unknown): State =>
  error instanceof ApiError && error.code === 'invalid_link'
    ? { step: 'over' }
    : { step: 'failed', message: error instanceof Error ? error.message : String(error) };

function Message({ title, text }: { title: string; text: string }) {
  return (
    <main class="sign-in">
      <div class="sign-in-card" role="status">
        <div class="sign-in-brand">
          <Logo size={40} />
          <h1>{title}</h1>
        </div>
        <p>{text}</p>
      </div>
    </main>
  );
}

function OwnUsage({ onLeave }: { onLeave(): void }) {
  const own = useResource('summary', summary, { everyMs: REFRESH_MS });
  const days = useResource('usage', monthUsage, { everyMs: REFRESH_MS });
  const expected = useResource('forecast', forecast);
  const month = useResource('invoice', invoice, { everyMs: REFRESH_MS });
  return (
    <>
      <header class="top-bar">
        <div class="top-bar-inner portal-bar">
          <span class="brand">
            <Logo />
            <span>Your usage</span>
          </span>
          <span class="portal-actions">
            <ThemeButton />
            <button type="button" class="quiet" onClick={onLeave}>
              Sign out
            </button>
          </span>
        </div>
      </header>
      <main class="page">
        <Loaded resource={own} what="your plan">
          {(shown) => <Plan shown={shown} />}
        </Loaded>
        <section aria-labelledby="limits-title">
          <h2 id="limits-title">Limits now</h2>
          <Loaded resource={own} what="your limits">
            {({ sheet, limits }) => <LimitsList sheet={sheet} limits={limits} forecasts={expected.data ?? []} />}
          </Loaded>
        </section>
        <section aria-labelledby="month-title">
          <h2 id="month-title">This month</h2>
          <Loaded resource={month} what="the month">
            {(rows) => <InvoiceTable rows={rows} />}
          </Loaded>
        </section>
        <Loaded resource={days} what="your days">
          {(usage) => <DaysSection usage={usage} />}
        </Loaded>
      </main>
    </>
  );
}

function Plan({ shown: { sheet, expiresAtMs } }: { shown: Summary }) {
  useEffect(() => {
    document.title = `Usage of ${sheet.name}`;
  }, [sheet.name]);
  const switches = sheet.features.filter(({ kind, entitled }) => kind !== 'metered' && entitled);
  return (
    <>
      <h1>{sheet.name}</h1>
      <ul class="facts">
        <li>
          Plan <strong>{[sheet.plan, ...sheet.addons].map(({ name }) => name).join(' + ')}</strong>
        </li>
        <li>
          Status <strong>{sheet.status}</strong>
        </li>
        {switches.map(({ id, name, value }) => (
          <li key={id}>
            {name} <strong>{value === undefined || value === 'true' ? 'included' : value}</strong>
          </li>
        ))}
        <li>
          Open until <strong>{formatInstant(expiresAtMs)}</strong>
        </li>
      </ul>
    </>
  );
}
