/** Logs that replay understands without being told: by the names of their columns. */

interface KnownLog {
  readonly columns: readonly string[];
  readonly type: string;
  /** Path in the event's data, and the column or sum of columns it is. */
  readonly values: readonly (readonly [string, string])[];
}

const KNOWN_LOGS: readonly KnownLog[] = [
  // Azure's public traces of LLM inference (2023, 2024); the names of the values are those of the sample catalog.
  {
    columns: ['ContextTokens', 'GeneratedTokens'],
    type: 'llm.request',
    values: [
      ['contextTokens', 'ContextTokens'],
      ['generatedTokens', 'GeneratedTokens'],
      ['totalTokens', 'ContextTokens+GeneratedTokens'],
    ],
  },
];

export const findKnownLog = (columns: readonly string[]): KnownLog | undefined =>
  KNOWN_LOGS.find((log) => log.columns.every((column) => columns.includes(column)));

/** Names of a time column, best first. */
const TIME_COLUMNS = [
  'timestamp',
  '@timestamp',
  'time',
  'datetime',
  'event_time',
  'created_at',
  'created',
  'ts',
  'date',
];

export function findTimeColumn(columns: readonly string[]): string | undefined {
  for (const name of TIME_COLUMNS) {
    const column = columns.find((each) => each.toLowerCase() === name);
    if (column !== undefined) return column;
  }
  return undefined;
}
