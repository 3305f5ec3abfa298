import { ACCOUNTS, CUSTOMERS, formatRoute } from '../pure/route.js';

/** The two lists of accounts. */
export function AccountTabs({ here }: { here: 'accounts' | 'customers' }) {
  const tabs = [
    { view: 'accounts', href: formatRoute(ACCOUNTS), text: 'Near limits' },
    { view: 'customers', href: formatRoute(CUSTOMERS), text: 'All' },
  ];
  return (
    <nav class="tabs" aria-label="Lists of accounts">
      {tabs.map(({ view, href, text }) => (
        <a key={view} href={href} aria-current={view === here ? 'page' : undefined}>
          {text}
        </a>
      ))}
    </nav>
  );
}
