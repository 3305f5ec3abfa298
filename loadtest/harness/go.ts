import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Go's own installer does not put it on the PATH. */
const FURTHER_FOLDERS = ['/usr/local/go/bin', '/opt/homebrew/bin'];
/** Fetching and compiling some hundred packages. */
const BUILD_MS_MAX = 15 * 60_000;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const REASON_LINES_MAX = 3;
const DIGEST_CHARS = 12;

/** A program in Go, by the module and version that hold it. */
export interface GoProgram {
  /** Such as `github.com/envoyproxy/ratelimit`. */
  readonly module: string;
  readonly version: string;
  /** The main package: a folder of the module, or a program of ours that imports it. */
  readonly main: { readonly folder: string } | { readonly source: string };
}

/** Where Go keeps programs, sources and its cache: nothing outside of one folder, below WEIR_HOME where that is set. */
function cacheFolder(): string {
  const home = process.env.WEIR_HOME;
  return home === undefined || home === '' ? join(tmpdir(), 'weir-peers') : join(home, 'peers');
}

/** @returns undefined where there is no Go. */
function findGo(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...FURTHER_FOLDERS];
  return folders.map((folder) => join(folder, 'go')).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Builds a program, once: later runs find it. By `go build` in a module of its own rather than `go install`, which asks
 * the proxy for the list of all versions, and not every proxy has one. Sums are checked against Go's database.
 *
 * @returns its path
 * @throws Error with the reason in a line, where Go is missing or the build fails
 */
export async function buildGoProgram({ module, version, main }: GoProgram): Promise<string> {
  const cache = cacheFolder();
  const digest = createHash('sha256').update(JSON.stringify(main)).digest('hex').slice(0, DIGEST_CHARS);
  const work = join(cache, `${module}@${version}-${digest}`.replaceAll('/', '_'));
  const program = join(work, 'program');
  if (isExecutable(program)) return program;
  const go = findGo();
  if (go === undefined) throw new Error('Go is not installed');
  await mkdir(work, { recursive: true });
  await writeFile(join(work, 'go.mod'), `module peer\n\ngo 1.21\n\nrequire ${module} ${version}\n`);
  if ('source' in main) await writeFile(join(work, 'main.go'), main.source);
  const target = 'source' in main ? '.' : `${module}/${main.folder}`;
  const unfinished = `${program}.${process.pid}`;
  try {
    await run(go, ['build', '-mod=mod', '-o', unfinished, target], {
      cwd: work,
      timeout: BUILD_MS_MAX,
      maxBuffer: OUTPUT_BYTES_MAX,
      env: {
        ...process.env,
        GOPATH: join(cache, 'go'),
        GOCACHE: join(cache, 'build'),
        // Else nobody could remove the folder.
        GOFLAGS: '-modcacherw',
      },
    });
    await rename(unfinished, program);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw new Error(`${module}@${version} does not build: ${reasonOf(error)}`);
  }
  return program;
}

/** The end of what the compiler said: its beginning tells of downloads. */
function reasonOf(error: unknown): string {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  const lines = (said === '' ? String(error) : said).split('\n').slice(-REASON_LINES_MAX);
  return lines.map((line) => line.trim()).join('; ');
}
