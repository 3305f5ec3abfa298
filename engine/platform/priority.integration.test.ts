import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from './assets.js';

const module = join(packageRoot(), 'dist/engine/platform/priority.js');
const AUTOGROUP = '/proc/self/autogroup';

/** Runs {@link yieldProcessor} in a process of its own, and gives its niceness and the line of its autogroup. */
async function yielded(detached: boolean) {
  const program = `
    const { yieldProcessor } = await import(${JSON.stringify(module)});
    yieldProcessor(7, { warn: (...told) => console.log('warned', ...told) });
    const { existsSync, readFileSync } = await import('node:fs');
    const { getPriority } = await import('node:os');
    const group = existsSync('${AUTOGROUP}') ? readFileSync('${AUTOGROUP}', 'utf8') : '';
    console.log(JSON.stringify({ niceness: getPriority(), group }));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { detached });
  let printed = '';
  child.stdout.on('data', (bytes: Buffer) => {
    printed += bytes.toString();
  });
  await new Promise((resolve) => child.once('close', resolve));
  return JSON.parse(printed) as { niceness: number; group: string };
}

it('a process that leads its session makes nice what is its own', async () => {
  const group = existsSync(AUTOGROUP) ? expect.stringMatching(/^\/autogroup-\d+ nice 7\n$/) : '';
  expect(await yielded(true)).toEqual({ niceness: 7, group });
});

it('a process that shares a session leaves the niceness of that alone', async () => {
  // Empty for one that is in no autogroup, as the first process of a container may be.
  const group = existsSync(AUTOGROUP) ? readFileSync(AUTOGROUP, 'utf8') : '';
  expect(await yielded(false)).toEqual({ niceness: 7, group });
});
