import { z } from 'zod';
import { NO_NAMES } from '../../engine/platform/command-line.js';

const USAGE = `npm run loadtest -- questions [options]

  Fills the real tables with facts of three months by generated SQL, and asks the usual questions by HTTP.

  --facts N       rows of the ledger (100000000)
  --customers N   who they belong to (10000)
  --times N       how often each question is asked after the first time (5)
  --folder DIR    keep the tables there, and use them if they are there; else a folder that is removed
  --write-docs    write the table into docs/benchmarks.md

100 million facts take some 10 GB of disk and a quarter of an hour. Speed never fails a run.`;

const VIEWS_USAGE = `npm run loadtest -- views [options]

  Fills the tables as "questions" does, and opens every page of the console in a real Chromium.

  --facts N       rows of the ledger (5000000)
  --customers N   who they belong to (100000)
  --times N       how often each page is opened (5)
  --folder DIR    keep the tables there, and use them if they are there; else a folder that is removed
  --write-docs    write the table into docs/benchmarks.md

Needs Chromium ("npm test" sees to it). Speed never fails a run.`;

const whole = (fallback: number, max: number) => z.coerce.number().int().min(1).max(max).default(fallback);
/** What both commands take, with their own defaults. */
const optionsOf = (defaults: { readonly facts: number; readonly customers: number }) =>
  z.object({
    facts: whole(defaults.facts, 10_000_000_000),
    customers: whole(defaults.customers, 100_000),
    times: whole(5, 1_000),
    folder: z.string().min(1).optional(),
    'write-docs': z.boolean().default(false),
  });
export type LedgerOptions = z.output<ReturnType<typeof optionsOf>>;

/** The command lines behind `questions` and `views`. */
export const QUESTIONS = {
  usage: USAGE,
  options: optionsOf({ facts: 100_000_000, customers: 10_000 }),
  names: NO_NAMES,
};
export const VIEWS = {
  usage: VIEWS_USAGE,
  options: optionsOf({ facts: 5_000_000, customers: 100_000 }),
  names: NO_NAMES,
};
