/** What changed between two states of a catalog object, field by field. */

export interface FieldChange {
  /** Such as `features.chat.limits.monthly.amount`. */
  readonly path: string;
  /** JSON; undefined where the field was not there. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Fields that differ, in the order of the later state, then those that are gone. */
export function fieldChanges(before: unknown, after: unknown): FieldChange[] {
  const old = flatten(before);
  const now = flatten(after);
  const paths = new Set([...now.keys(), ...old.keys()]);
  return [...paths].flatMap((path) => {
    const change = { path, before: old.get(path), after: now.get(path) };
    return change.before === change.after ? [] : [change];
  });
}

function flatten(value: unknown, path = '', into = new Map<string, string>()): Map<string, string> {
  if (Array.isArray(value) && value.some((item) => idOf(item) !== undefined)) {
    // Limits are known by their ids, not by their place in the list.
    value.forEach((item: unknown, index) => void flatten(item, join(path, idOf(item) ?? String(index)), into));
  } else if (isRecord(value)) {
    for (const [name, inner] of Object.entries(value)) flatten(inner, join(path, name), into);
  } else if (value !== null && value !== undefined) {
    into.set(path, JSON.stringify(value));
  }
  return into;
}

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function idOf(item: unknown): string | undefined {
  return isRecord(item) && typeof item.id === 'string' ? item.id : undefined;
}
