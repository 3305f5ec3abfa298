import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Config } from '../../engine/platform/config.js';
import type { Home } from './home.js';
import { httpUrl } from './ports.js';

export interface BannerInput {
  readonly home: Home;
  /** Settings in force. */
  readonly config: Config;
  /** True when the user brought the admin key, so that it stands in no file of ours. */
  readonly ownKey: boolean;
  readonly workingFolder: string;
  readonly pid: number;
}

/** What is printed when all is ready: addresses, where the key is, one command that works when pasted, how to stop. */
export function banner({ home, config, ownKey, workingFolder, pid }: BannerInput): string {
  const dataPlane = httpUrl(config.host, config.port);
  const keyFile = shown(home.adminKeyFile, workingFolder);
  const key = ownKey ? '$WEIR_ADMIN_KEY' : `$(cat ${shellWord(keyFile)})`;
  const { customer, feature } = exampleCheck(config.catalog);
  const body = JSON.stringify({ customer, feature, amount: 1 });
  return `
Weir is ready.

  data plane   ${dataPlane}
  console      ${httpUrl(config.host, config.consolePort)}
  admin key    ${ownKey ? 'yours, WEIR_ADMIN_KEY' : keyFile}
  data, logs   ${shown(home.path, workingFolder)}
  catalog      ${shown(config.catalog ?? '', workingFolder)}

Ask whether ${customer} may use ${feature} now:

  curl -s -X POST ${dataPlane}/v1/check -H "Authorization: Bearer ${key}" -H 'Content-Type: application/json' -d ${shellWord(body)}

Stop with Ctrl-C, or: kill ${pid}
`;
}

/** A path as a person would write it: relative where that is shorter. */
function shown(path: string, workingFolder: string): string {
  const short = relative(workingFolder, path);
  return short === '' || short.startsWith('..') ? path : short;
}

/** One word for a POSIX shell. */
function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

const glimpseSchema = z.object({
  plans: z.array(z.object({ id: z.string(), features: z.record(z.string(), z.unknown()).default({}) })).default([]),
  customers: z.array(z.object({ id: z.string(), plan: z.string() })).default([]),
});

/**
 * A customer and a feature of its plan, for the example. Only a glimpse: the control plane reads the catalog in earnest
 * and says what is wrong with it.
 */
export function exampleCheck(catalogFile: string | undefined): { customer: string; feature: string } {
  try {
    const { plans, customers } = glimpseSchema.parse(parse(readFileSync(catalogFile ?? '', 'utf8')));
    for (const { id, plan } of customers) {
      const feature = Object.keys(plans.find((each) => each.id === plan)?.features ?? {})[0];
      if (feature !== undefined) return { customer: id, feature };
    }
  } catch {
    // Fall through: the example is no reason not to start.
  }
  return { customer: 'acme', feature: 'chat' };
}
