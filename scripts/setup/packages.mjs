/** node_modules as package-lock.json wants it. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, SetupError } from './paths.mjs';
import { runOrFail } from './process.mjs';

const LOCK = join(ROOT, 'package-lock.json');
/** npm writes it last, so it exists only after a whole install. */
const INSTALLED = join(ROOT, 'node_modules', '.package-lock.json');
const STAMP = join(ROOT, 'node_modules', '.weir-stamp');

/**
 * True when every package of the lock is installed in its version. npm leaves out optional packages for other platforms,
 * which are not missed here either; those that our package.json names itself are.
 *
 * @param {string} lockText package-lock.json
 * @param {string} installedText node_modules/.package-lock.json
 */
export function isInstalled(lockText, installedText) {
  const wanted = JSON.parse(lockText).packages;
  const installed = JSON.parse(installedText).packages;
  const named = Object.keys(wanted[''].optionalDependencies ?? {}).map((name) => `node_modules/${name}`);
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found === undefined) return entry.optional === true && !named.includes(path);
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

/** True when there is nothing to install; a folder that matches without our stamp (`npm i`) is stamped. */
export function packagesAreCurrent() {
  if (!existsSync(LOCK)) throw new SetupError('package-lock.json is missing. Run "git checkout package-lock.json".');
  if (!existsSync(INSTALLED)) return false;
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stampText()) return true;
  if (!isInstalled(readFileSync(LOCK, 'utf8'), readFileSync(INSTALLED, 'utf8'))) return false;
  writeFileSync(STAMP, stampText());
  return true;
}

/** Installs exactly what package-lock.json says. @throws {SetupError} with npm's words. */
export async function installPackages() {
  // NODE_ENV=production or a setting of the user's would leave out the compiler: say what is wanted.
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--no-progress'];
  const npm = process.env.npm_execpath;
  if (npm !== undefined && /npm-cli\.c?js$/.test(npm)) await runOrFail(process.execPath, [npm, ...args], { cwd: ROOT });
  else await runOrFail('npm', args, { cwd: ROOT });
  // An optional package that could not be installed now is not tried again at every start.
  writeFileSync(STAMP, stampText());
}

/** The lock and what was installed by it: a change of either by anybody makes the stamp stale. */
function stampText() {
  const hash = createHash('sha256').update(readFileSync(LOCK)).update('\0').update(readFileSync(INSTALLED));
  return hash.digest('hex');
}

/** The embedded ClickHouse is optional: npm leaves it out in silence where it has no build, or no room. */
export function embeddedClickhouseIsMissing() {
  return !existsSync(join(ROOT, 'node_modules', 'chdb', 'package.json'));
}
