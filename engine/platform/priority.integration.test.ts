import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from './assets.js';

const module = join(packageRoot(), 'dist/engine/platform/priority.js');
const AUTOGROUPS = existsSync('/proc/self/autogroup');

it.each([
  ['leads its session', true, 7],
  ['shares a session', false, 0],
])('a process that %s makes nice what is its own', async (_, detached, niceness) => {
  const program = `
    const { yieldProcessor } = await import(${JSON.stringify(module)});
    yieldProcessor(7, { warn: (...told) => console.log('warned', ...told) });
    const { readFileSync } = await import('node:fs');
    const { getPriority } = await import('node:os');
    const group = ${AUTOGROUPS} ? readFileSync('/proc/self/autogroup', 'utf8').trim() : 'none';
    console.log(getPriority(), group);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { detached });
  let printed = '';
  child.stdout.on('data', (bytes: Buffer) => {
    printed += bytes.toString();
  });
  await new Promise((resolve) => child.once('close', resolve));
  const own = AUTOGROUPS ? readFileSync('/proc/self/autogroup', 'utf8').trim() : 'none';
  const group = AUTOGROUPS && detached ? `/autogroup-\\d+ nice ${niceness}` : own;
  expect(printed.trim()).toMatch(new RegExp(`^7 ${group}$`));
});
