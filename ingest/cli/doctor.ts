import { unknownVariables } from '../../engine/platform/config.js';
import type { Arguments } from './arguments.js';
import { type Command, EXIT_NO, EXIT_OK, UsageError } from './command.js';
import { findKey, findTarget, type Target } from './connection.js';
import type { Finding } from './doctor/finding.js';
import { inspectHome } from './doctor/home.js';
import { inspectNode, inspectPrograms } from './doctor/machine.js';
import { inspectNats } from './doctor/nats.js';
import { inspectRedis } from './doctor/redis.js';
import { inspectRunning } from './doctor/running.js';
import type { Io } from './io.js';
import { json, plainText } from './output.js';

/** Variables of the command line itself, which are no settings of Weir. */
const OWN_VARIABLES = ['WEIR_URL', 'WEIR_CONSOLE_URL', 'WEIR_KEY'];

/** `weir doctor`: what is wrong, and what to do. */
export const doctor: Command = {
  name: 'doctor',
  summary: 'look for what keeps Weir from working, here and where it runs',
  operands: '',
  operandsMin: 0,
  operandsMax: 0,
  options: { json: { type: 'flag', help: 'print JSON' } },
  details: ['Exit code 1 when something fails; warnings do not count.'],
  examples: [{ line: 'doctor', what: 'the first thing to do when something is odd' }],
  run: runDoctor,
};

async function runDoctor(args: Arguments, io: Io): Promise<number> {
  const findings: Finding[] = [inspectNode(process.version), ...(await inspectRest(io))];
  io.out(args.flag('json') ? json(findings) : findingsText(findings));
  return findings.some(({ level }) => level === 'fail') ? EXIT_NO : EXIT_OK;
}

async function inspectRest(io: Io): Promise<Finding[]> {
  let target: Target;
  try {
    target = findTarget(io.env);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return [{ level: 'fail', subject: 'settings', text: error.message }];
  }
  const settings = Object.fromEntries(Object.entries(io.env).filter(([name]) => !OWN_VARIABLES.includes(name)));
  const key = findKey(io.env, target.config);
  const slips = unknownVariables(settings);
  return [
    slips.length === 0
      ? { level: 'ok', subject: 'settings', text: `hold; the addresses are by ${target.foundBy}` }
      : { level: 'warn', subject: 'settings', text: slips.join('; ') },
    ...inspectPrograms(target.config, io.env.PATH ?? ''),
    ...(await inspectHome(target.config.home)),
    ...(await inspectServices(target)),
    ...(await inspectRunning(target, key)),
  ];
}

const inspectServices = async ({ redisUrl, natsUrl }: Target): Promise<Finding[]> =>
  (await Promise.all([inspectRedis(redisUrl), inspectNats(natsUrl)])).flat();

function findingsText(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ subject }) => subject.length));
  const lines = findings.map(
    ({ level, subject, text }) => `${level.padEnd(4)}  ${subject.padEnd(width)}  ${plainText(text)}\n`,
  );
  const fails = findings.filter(({ level }) => level === 'fail').length;
  const warnings = findings.filter(({ level }) => level === 'warn').length;
  return `${lines.join('')}\n${fails} failed, ${warnings} warned, ${findings.length - fails - warnings} ok\n`;
}
