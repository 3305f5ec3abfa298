import { access, constants, readdir, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isRunning } from '../../supervisor/process-identity.js';
import { ProcessList } from '../../supervisor/process-list.js';
import type { Finding } from './finding.js';

const MIB = 1024 * 1024;
const FREE_MIB_WARN = 5 * 1024;
const FREE_MIB_FAIL = 512;
/** Files that hold a key or a password. */
const SECRETS = [/^admin\.key$/, /^run\/urls\.json$/, /^run\/[a-z]+\.conf$/];

/** WEIR_HOME: can it be written, who can read it, is there room, and does what was started here still run? */
export async function inspectHome(home: string): Promise<Finding[]> {
  const exists = await stat(home).then(
    (entry) => entry.isDirectory(),
    () => undefined,
  );
  if (exists === undefined) {
    return [
      { level: 'ok', subject: 'home', text: `${home} is not there yet: "npm start" makes it` },
      await inspectDisk(dirname(home)),
    ];
  }
  if (!exists) return [{ level: 'fail', subject: 'home', text: `${home} is no folder: remove it, or set WEIR_HOME` }];
  return [await inspectAccess(home), await inspectSecrets(home), await inspectDisk(home), ...inspectProcesses(home)];
}

async function inspectAccess(home: string): Promise<Finding> {
  const subject = 'home';
  try {
    await access(home, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    return { level: 'fail', subject, text: `${home} cannot be read and written by this user` };
  }
  const { mode } = await stat(home);
  return (mode & 0o077) === 0
    ? { level: 'ok', subject, text: home }
    : { level: 'warn', subject, text: `${home} is open to other users: chmod 700 ${home}` };
}

async function inspectSecrets(home: string): Promise<Finding> {
  const subject = 'secrets';
  const run = await readdir(join(home, 'run')).catch(() => []);
  const names = ['admin.key', ...run.map((name) => `run/${name}`)].filter((name) =>
    SECRETS.some((pattern) => pattern.test(name)),
  );
  const open: string[] = [];
  for (const name of names) {
    const entry = await stat(join(home, name)).catch(() => undefined);
    if (entry !== undefined && (entry.mode & 0o077) !== 0) open.push(join(home, name));
  }
  return open.length === 0
    ? { level: 'ok', subject, text: 'files with keys and passwords are for their owner alone' }
    : { level: 'fail', subject, text: `other users can read keys: chmod 600 ${open.join(' ')}` };
}

async function inspectDisk(folder: string): Promise<Finding> {
  const subject = 'disk';
  try {
    const { bavail, bsize } = await statfs(folder);
    const freeMib = Math.floor((bavail * bsize) / MIB);
    const text = `${(freeMib / 1024).toFixed(1)} GiB free under ${folder}`;
    if (freeMib < FREE_MIB_FAIL)
      return { level: 'fail', subject, text: `${text}: Redis and NATS stop writing when it is full` };
    return { level: freeMib < FREE_MIB_WARN ? 'warn' : 'ok', subject, text };
  } catch {
    return { level: 'warn', subject, text: `how much is free under ${folder} cannot be seen` };
  }
}

/** What the supervisor noted: processes that are gone are being started again, or were killed with it. */
function inspectProcesses(home: string): Finding[] {
  const noted = new ProcessList(join(home, 'run')).entries();
  if (noted.length === 0) return [];
  const gone = noted.filter(([, identity]) => !isRunning(identity)).map(([name]) => name);
  const subject = 'processes';
  if (gone.length === 0) {
    return [{ level: 'ok', subject, text: noted.map(([name, { pid }]) => `${name} ${pid}`).join(', ') }];
  }
  return [
    gone.includes('supervisor')
      ? { level: 'warn', subject, text: 'the last Weir here was killed: the next "npm start" cleans up after it' }
      : { level: 'warn', subject, text: `not running at the moment: ${gone.join(', ')}; see ${join(home, 'logs')}` },
  ];
}
