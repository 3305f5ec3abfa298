import { useEffect, useRef } from 'preact/hooks';
import type { Session } from '../api/session.js';
import { ACCOUNTS, DENIALS, FINANCE, formatRoute, OVERVIEW, PLANS, type Route, SIGNALS } from '../pure/route.js';
import { Logo } from './logo.js';
import { ThemeButton } from './theme-button.js';

interface Link {
  readonly to: Route;
  readonly text: string;
  /** Views that belong to it. */
  readonly views: readonly Route['view'][];
}

const LINKS: readonly Link[] = [
  { to: OVERVIEW, text: 'Overview', views: ['overview'] },
  { to: ACCOUNTS, text: 'Accounts', views: ['accounts', 'customers', 'customer'] },
  { to: PLANS, text: 'Plans', views: ['plans'] },
  { to: SIGNALS, text: 'Signals', views: ['signals'] },
  { to: DENIALS, text: 'Denials', views: ['denials'] },
  { to: FINANCE, text: 'Finance', views: ['finance'] },
  { to: { view: 'changes', version: undefined }, text: 'Changes', views: ['changes'] },
];

interface TopBarProps {
  readonly session: Session;
  readonly route: Route;
  onLeave(): void;
}

export function TopBar({ session, route, onLeave }: TopBarProps) {
  // A key for one customer sees neither the other accounts nor the catalog's history.
  const links = session.customer === undefined ? LINKS : [];
  const views = useRef<HTMLElement>(null);
  useEffect(() => {
    // On a phone the links are wider than the page: the one that is current must not hide.
    views.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [route.view]);
  return (
    <header class="top-bar">
      <button type="button" class="skip" onClick={() => document.getElementById('content')?.focus()}>
        Skip to the content
      </button>
      <div class="top-bar-inner">
        <a class="brand" href={formatRoute(OVERVIEW)} aria-label="Weir, overview">
          <Logo />
          <span>Weir</span>
        </a>
        <nav aria-label="Views" ref={views}>
          {links.map(({ to, text, views }) => (
            <a key={text} href={formatRoute(to)} aria-current={views.includes(route.view) ? 'page' : undefined}>
              {text}
            </a>
          ))}
        </nav>
        <span class="who" title={`Key ${session.keyId}, scopes: ${session.scopes.join(', ')}`}>
          <span class="visually-hidden">Signed in by the key </span>
          {session.keyName ?? session.keyId}
        </span>
        <ThemeButton />
        <button type="button" class="quiet" onClick={onLeave}>
          Sign out
        </button>
      </div>
    </header>
  );
}
