/** dist/ as the sources want it: compiled when their content changed, and never older than they are. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DIST, ROOT, tool } from './paths.mjs';
import { runOrFail } from './process.mjs';

const SOURCE_FOLDERS = ['engine', 'ingest', 'analytics', 'loadtest'];
const CONSOLE = 'analytics/console/web';
const CONSOLE_CONFIG = join(ROOT, CONSOLE, 'vite.config.ts');
/** The console also imports from here: amounts, and the calendar of quota windows. */
const CONSOLE_SOURCES = [CONSOLE, 'engine/contract', 'engine/limits'];

/**
 * All files below a folder of the root, relative to it, sorted.
 *
 * @param {string} folder @param {string} [root]
 * @returns {string[]}
 */
export function filesBelow(folder, root = ROOT) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true })
    .flatMap((entry) => {
      if (entry.name === 'node_modules') return [];
      const path = `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(path, root) : [path];
    })
    .sort();
}

/** @param {readonly string[]} paths relative to the root */
function contentHash(paths) {
  const hash = createHash('sha256');
  for (const path of paths)
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(join(ROOT, path)))
      .update('\0');
  return hash.digest('hex');
}

const codeFiles = () =>
  SOURCE_FOLDERS.flatMap((folder) => filesBelow(folder)).filter(
    (path) => path.endsWith('.ts') && !path.startsWith(`${CONSOLE}/`),
  );

const codeStamp = () => contentHash(['package-lock.json', 'tsconfig.json', ...codeFiles()]);
const consoleStamp = () =>
  contentHash(['package-lock.json', ...CONSOLE_SOURCES.flatMap((folder) => filesBelow(folder))]);

/** @param {string} name */
const stampPath = (name) => join(DIST, `.stamp-${name}`);

/** @param {string} name @param {string} stamp */
const isStamped = (name, stamp) => existsSync(stampPath(name)) && readFileSync(stampPath(name), 'utf8') === stamp;

/** True when the compiled code is that of the sources. */
export const codeIsCurrent = () => existsSync(join(DIST, 'engine/index.js')) && isStamped('code', codeStamp());

/** True when there is no console to build, or it is built. */
export const consoleIsCurrent = () => !existsSync(CONSOLE_CONFIG) || isStamped('console', consoleStamp());

/** Compiles everything to dist/. @throws {SetupError} with the compiler's words. */
export async function buildCode() {
  const stamp = codeStamp();
  mkdirSync(DIST, { recursive: true });
  // The compiler's memory of what it wrote knows nothing of files that were removed since; it takes a second without.
  rmSync(join(DIST, '.tsbuildinfo'), { force: true });
  await runOrFail(tool('tsc'), ['--project', ROOT], { cwd: ROOT });
  for (const path of staleOutputs(
    SOURCE_FOLDERS.flatMap((folder) => filesBelow(folder, DIST)),
    codeFiles(),
  )) {
    rmSync(join(DIST, path));
  }
  writeFileSync(stampPath('code'), stamp);
}

/**
 * Compiled files whose source is gone: a removed module must not go on working.
 *
 * @param {readonly string[]} outputs below dist/ @param {readonly string[]} sources below the root
 */
export function staleOutputs(outputs, sources) {
  const wanted = new Set(sources.flatMap((path) => [path.replace(/\.ts$/, '.js'), path.replace(/\.ts$/, '.js.map')]));
  return outputs.filter((path) => !path.startsWith(`${CONSOLE}/`) && !wanted.has(path));
}

/** Builds the console's pages to dist/analytics/console/web. @throws {SetupError} */
export async function buildConsole() {
  const stamp = consoleStamp();
  const args = ['build', join(ROOT, CONSOLE), '--outDir', join(DIST, CONSOLE), '--emptyOutDir', '--logLevel', 'warn'];
  await runOrFail(tool('vite'), args, { cwd: join(ROOT, CONSOLE) });
  writeFileSync(stampPath('console'), stamp);
}
