import { EmptyPanel } from '../parts/panels.js';
import { type AccountsRoute, formatRoute } from '../pure/route.js';

export function Lost({ home }: { home: AccountsRoute }) {
  return (
    <EmptyPanel title="There is no such page">
      <p>
        <a href={formatRoute(home)}>Accounts near their limits</a>
      </p>
    </EmptyPanel>
  );
}
