import { z } from 'zod';
import { type CommandLine, NO_NAMES } from '../../engine/platform/command-line.js';

const USAGE = `npm run loadtest -- questions [options]

  Fills the real tables with facts of three months by generated SQL, and asks the usual questions by HTTP.

  --facts N       rows of the ledger (100000000)
  --customers N   who they belong to (10000)
  --times N       how often each question is asked after the first time (5)
  --folder DIR    keep the tables there, and use them if they are there; else a folder that is removed
  --write-docs    write the table into docs/benchmarks.md

100 million facts take some 10 GB of disk and a quarter of an hour. Speed never fails a run.`;

const whole = (fallback: number, max: number) => z.coerce.number().int().min(1).max(max).default(fallback);
const ledgerFields = { folder: z.string().min(1).optional(), 'write-docs': z.boolean().default(false) };
const optionsSchema = z.object({
  facts: whole(100_000_000, 10_000_000_000),
  customers: whole(10_000, 100_000),
  times: whole(5, 1_000),
  ...ledgerFields,
});
export type QuestionsOptions = z.output<typeof optionsSchema>;
export type LedgerOptions = Pick<QuestionsOptions, 'facts' | 'customers' | 'folder'>;

/** The command line behind `questions`. */
export const QUESTIONS = { usage: USAGE, options: optionsSchema, names: NO_NAMES } satisfies CommandLine<
  typeof optionsSchema,
  typeof NO_NAMES
>;

const VIEWS_USAGE = `npm run loadtest -- views [options]

  Fills the tables as "questions" does, and opens every page of the console in a real Chromium.

  --facts N       rows of the ledger (5000000)
  --customers N   who they belong to (100000)
  --times N       how often each page is opened (5)
  --folder DIR    keep the tables there, and use them if they are there; else a folder that is removed
  --write-docs    write the table into docs/benchmarks.md

Needs Chromium ("npm test" sees to it). Speed never fails a run.`;

const viewsSchema = z.object({
  facts: whole(5_000_000, 10_000_000_000),
  customers: whole(100_000, 100_000),
  times: whole(5, 1_000),
  ...ledgerFields,
});
export type ViewsOptions = z.output<typeof viewsSchema>;

/** The command line behind `views`. */
export const VIEWS = { usage: VIEWS_USAGE, options: viewsSchema, names: NO_NAMES } satisfies CommandLine<
  typeof viewsSchema,
  typeof NO_NAMES
>;
