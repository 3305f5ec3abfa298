import { z } from 'zod';
import type { CommandLine } from '../../engine/platform/command-line.js';
import { MEASUREMENTS } from './scenarios.js';

const USAGE = `npm run loadtest -- [scenario …] [options]

  single, batch, reserve, ingest, open    measured beside a ceiling
  exact             a quota drawn dry
  memory            Redis memory of a customer, and of a remembered id
  customers         a check with very many customers beside few      (by name only)
  alerts            from a charge to its webhook, under load         (by name only)
  operations        what each kind of operation costs Redis          (by name only)
  peers             other limiters under the same checks             (by name only)
  questions         a large ledger asked by HTTP; "questions --help" (alone)
  views             every page of the console, in Chromium; "views --help" (alone)

  --seconds N       of each round of each side (10)
  --rounds N        rounds, subject and ceiling in turns (3)
  --connections N   instead of the scenario's own
  --gateways N      gateway processes (1)
  --customers N     customers that are drawn from (1000)
  --quota N         quota that "exact" and "peers" draw dry (20000)
  --many N          customers of "customers" (1000000, which is also the most)
  --ids N           ids of each kind that "memory" remembers (200000)
  --no-sweep        "single" at one number of connections only
  --json FILE       save the report
  --write-docs      write the report into docs/benchmarks.md; what was not run stays as it is there

Starts stacks of its own on loopback. Exit code 1: more was admitted than a quota holds, or the facts differ from
what was admitted; speed never fails a run. "peers" builds Gubernator and envoyproxy/ratelimit where there is a Go.`;

const scenarioSchema = z.enum([...MEASUREMENTS, 'exact', 'memory', 'customers', 'alerts', 'operations', 'peers']);
export type Scenario = z.output<typeof scenarioSchema>;
/** Without names; the others take long, or fetch programs. */
const DEFAULT_SCENARIOS: readonly Scenario[] = [...MEASUREMENTS, 'exact', 'memory'];

const whole = (fallback: number, max: number) => z.coerce.number().int().min(1).max(max).default(fallback);
const optionsSchema = z.object({
  seconds: z.coerce.number().min(0.2).max(600).default(10),
  rounds: whole(3, 100),
  connections: z.coerce.number().int().min(1).max(4_096).optional(),
  gateways: whole(1, 64),
  customers: whole(1_000, 100_000),
  quota: whole(20_000, 10_000_000),
  /** More would not fit a catalog's file. */
  many: whole(1_000_000, 1_000_000),
  ids: whole(200_000, 20_000_000),
  'no-sweep': z.boolean().default(false),
  json: z.string().optional(),
  'write-docs': z.boolean().default(false),
});
export type Options = z.output<typeof optionsSchema>;

/** The command line; {@link scenariosOf} its names. */
export const LOADTEST = {
  usage: USAGE,
  options: optionsSchema,
  names: z.array(scenarioSchema),
} satisfies CommandLine<typeof optionsSchema, z.ZodArray<typeof scenarioSchema>>;

/** What is run of the scenarios that were named. */
export const scenariosOf = (named: readonly Scenario[]): ReadonlySet<Scenario> =>
  new Set(named.length === 0 ? DEFAULT_SCENARIOS : named);
