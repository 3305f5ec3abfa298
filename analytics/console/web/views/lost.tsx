import { EmptyPanel } from '../parts/panels.js';
import { formatRoute, type OverviewRoute } from '../pure/route.js';

export function Lost({ home }: { home: OverviewRoute }) {
  return (
    <EmptyPanel title="There is no such page">
      <p>
        <a href={formatRoute(home)}>Overview</a>
      </p>
    </EmptyPanel>
  );
}
