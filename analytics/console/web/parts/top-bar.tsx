import type { Session } from '../api/session.js';
import { ACCOUNTS, formatRoute, type Route } from '../pure/route.js';
import { Logo } from './logo.js';

interface TopBarProps {
  readonly session: Session;
  readonly route: Route;
  onLeave(): void;
}

export function TopBar({ session, route, onLeave }: TopBarProps) {
  // A key for one customer sees neither the other accounts nor the catalog's history.
  const links =
    session.customer === undefined
      ? [
          { href: formatRoute(ACCOUNTS), text: 'Accounts', here: route.view !== 'changes' },
          {
            href: formatRoute({ view: 'changes', version: undefined }),
            text: 'Changes',
            here: route.view === 'changes',
          },
        ]
      : [];
  return (
    <header class="top-bar">
      <button type="button" class="skip" onClick={() => document.getElementById('content')?.focus()}>
        Skip to the content
      </button>
      <div class="top-bar-inner">
        <a class="brand" href={formatRoute(ACCOUNTS)} aria-label="Weir, accounts near their limits">
          <Logo />
          <span>Weir</span>
        </a>
        <nav aria-label="Views">
          {links.map(({ href, text, here }) => (
            <a key={href} href={href} aria-current={here ? 'page' : undefined}>
              {text}
            </a>
          ))}
        </nav>
        <span class="who" title={`Key ${session.keyId}, scopes: ${session.scopes.join(', ')}`}>
          <span class="visually-hidden">Signed in by the key </span>
          {session.keyName ?? session.keyId}
        </span>
        <button type="button" class="quiet" onClick={onLeave}>
          Sign out
        </button>
      </div>
    </header>
  );
}
