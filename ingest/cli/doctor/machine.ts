import { z } from 'zod';
import { readAsset } from '../../../engine/platform/assets.js';
import type { Config } from '../../../engine/platform/config.js';
import { findProgram } from '../../supervisor/programs.js';
import type { Finding } from './finding.js';

const packageSchema = z.object({ engines: z.object({ node: z.string() }) });

/** @param version as in `process.version` */
export function inspectNode(version: string): Finding {
  const { node: wanted } = packageSchema.parse(JSON.parse(readAsset('package.json'))).engines;
  return satisfies(version, wanted)
    ? { level: 'ok', subject: 'node', text: version }
    : {
        level: 'fail',
        subject: 'node',
        text: `${version}, but Weir needs ${wanted}: its HTTP server comes compiled for that`,
      };
}

/** Comparisons separated by spaces, such as `>=20.12 <21`: all that our package.json has. */
export function satisfies(version: string, range: string): boolean {
  const have = partsOf(version.replace(/^v/, ''));
  return range.split(/\s+/).every((comparison) => {
    const match = /^(>=|<)(\d+(?:\.\d+){0,2})$/.exec(comparison);
    if (match === null) throw new Error(`cannot read the range ${range}`);
    const order = compare(have, partsOf(match[2] ?? ''));
    return match[1] === '<' ? order < 0 : order >= 0;
  });
}

const partsOf = (version: string): number[] => version.split('.').map((part) => Number.parseInt(part, 10));

function compare(left: readonly number[], right: readonly number[]): number {
  for (let index = 0; index < 3; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The servers that "npm start" runs itself, where no URL names another. */
export function inspectPrograms(config: Pick<Config, 'redisUrl' | 'natsUrl'>, searchPath: string): Finding[] {
  const wanted = [
    { name: 'redis-server', setting: 'REDIS_URL', url: config.redisUrl },
    { name: 'nats-server', setting: 'NATS_URL', url: config.natsUrl },
  ];
  return wanted.map(({ name, setting, url }): Finding => {
    if (url !== undefined) return { level: 'ok', subject: name, text: `not needed: ${setting} names one` };
    try {
      return { level: 'ok', subject: name, text: findProgram(name, searchPath) };
    } catch (error) {
      // Where Weir runs elsewhere it is missed by nobody.
      return { level: 'warn', subject: name, text: error instanceof Error ? error.message : String(error) };
    }
  });
}
