import { readAsset } from '../engine/platform/assets.js';

/** Text of `analytics/queries/NAME.sql`: one question each, its parameters as `{name:Type}`. */
export function loadQuery(name: string): string {
  return readAsset(`analytics/queries/${name}.sql`);
}
