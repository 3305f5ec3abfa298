import { useEffect, useState } from 'preact/hooks';
import { onSignedOut } from './api/http.js';
import { currentSession, type Session, signOut } from './api/session.js';
import { useRoute } from './hooks/use-route.js';
import { ErrorPanel } from './parts/panels.js';
import { TopBar } from './parts/top-bar.js';
import { customerRoute, OVERVIEW, type Route } from './pure/route.js';
import { Accounts } from './views/accounts.js';
import { Changes } from './views/changes.js';
import { CustomerPage } from './views/customer-page.js';
import { Customers } from './views/customers.js';
import { DenialsPage } from './views/denials-page.js';
import { Finance } from './views/finance.js';
import { Lost } from './views/lost.js';
import { OverviewPage } from './views/overview.js';
import { Plans } from './views/plans.js';
import { SignIn } from './views/sign-in.js';
import { Signals } from './views/signals.js';

type Gate =
  | { readonly step: 'asking' }
  | { readonly step: 'failed'; readonly message: string }
  | { readonly step: 'signed-out'; readonly ended: boolean }
  | { readonly step: 'signed-in'; readonly session: Session };

/** Who is signed in decides what there is; the address says which view of it. */
export function App() {
  const [gate, setGate] = useState<Gate>({ step: 'asking' });
  const ask = (): void => {
    setGate({ step: 'asking' });
    currentSession().then(
      (session) => setGate(session === null ? { step: 'signed-out', ended: false } : { step: 'signed-in', session }),
      (error: Error) => setGate({ step: 'failed', message: error.message }),
    );
  };
  useEffect(ask, []);
  useEffect(() => onSignedOut(() => setGate({ step: 'signed-out', ended: true })), []);

  switch (gate.step) {
    case 'asking':
      return <div class="waiting" aria-busy="true" />;
    case 'failed':
      return (
        <main class="page">
          <ErrorPanel title="Weir cannot be reached" message={gate.message} onRetry={ask} />
        </main>
      );
    case 'signed-out':
      return <SignIn ended={gate.ended} onSignedIn={(session) => setGate({ step: 'signed-in', session })} />;
    case 'signed-in':
      return <SignedIn session={gate.session} onLeave={() => setGate({ step: 'signed-out', ended: false })} />;
  }
}

function SignedIn({ session, onLeave }: { session: Session; onLeave: () => void }) {
  const asked = useRoute();
  // A key for one customer has one account to look at.
  const route = session.customer !== undefined && asked.view !== 'customer' ? customerRoute(session.customer) : asked;
  const leave = (): void => {
    signOut().then(onLeave, onLeave);
  };
  return (
    <>
      <TopBar session={session} route={route} onLeave={leave} />
      <main class="page" id="content" tabIndex={-1}>
        <View route={route} session={session} />
      </main>
    </>
  );
}

function View({ route, session }: { route: Route; session: Session }) {
  useEffect(() => {
    document.title = `${titleOf(route)} · Weir`;
  });
  switch (route.view) {
    case 'overview':
      return <OverviewPage />;
    case 'accounts':
      return <Accounts route={route} />;
    case 'customers':
      return <Customers route={route} />;
    case 'plans':
      return <Plans />;
    case 'signals':
      return <Signals route={route} mayChange={session.scopes.includes('admin')} />;
    case 'denials':
      return <DenialsPage route={route} />;
    case 'finance':
      return <Finance route={route} />;
    case 'customer':
      // A page of its own for each customer: nothing of the one before may stay on it.
      return <CustomerPage key={route.id} route={route} />;
    case 'changes':
      return <Changes route={route} />;
    case 'lost':
      return <Lost home={OVERVIEW} />;
  }
}

function titleOf(route: Route): string {
  switch (route.view) {
    case 'overview':
      return 'Overview';
    case 'accounts':
      return 'Accounts near their limits';
    case 'customers':
      return 'Accounts';
    case 'plans':
      return 'Plans';
    case 'signals':
      return 'Signals';
    case 'denials':
      return 'Denials';
    case 'finance':
      return 'Finance';
    case 'customer':
      return route.id;
    case 'changes':
      return 'Catalog changes';
    case 'lost':
      return 'Not found';
  }
}
