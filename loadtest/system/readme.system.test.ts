import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../engine/platform/assets.js';
import { startChild } from '../harness/child.js';
import { type Stack, startStack } from '../harness/stack.js';
import { waitFor } from '../harness/wait-for.js';

/**
 * The README's commands, run as they stand, in order, against a Weir as `npm start` makes it. A block that is marked
 * `sh run` must end well, and answer as the block after it says; `sh run later` asks for what arrives in a moment.
 */

interface Block {
  readonly info: string;
  readonly text: string;
  readonly line: number;
}

const LATER_MS_MAX = 20_000;

function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let open: { info: string; lines: string[]; line: number } | undefined;
  markdown.split('\n').forEach((text, index) => {
    if (open === undefined) {
      if (text.startsWith('```')) open = { info: text.slice(3).trim(), lines: [], line: index + 1 };
    } else if (text.startsWith('```')) {
      blocks.push({ info: open.info, text: open.lines.join('\n'), line: open.line });
      open = undefined;
    } else open.lines.push(text);
  });
  return blocks;
}

const blocks = blocksOf(readFileSync(join(packageRoot(), 'README.md'), 'utf8'));
const commands = blocks.flatMap((block, index) =>
  block.info.startsWith('sh run') ? [{ command: block, answer: blocks[index + 1] }] : [],
);

const isTime = (text: string): boolean => /^\d{4}-\d{2}(-\d{2}(T[\d:.]+Z)?)?$/.test(text);

/** The same but for numbers and times, which depend on the day. */
function shapeOf(value: unknown): unknown {
  if (typeof value === 'number') return 'a number';
  if (typeof value === 'string') return isTime(value) ? 'a time' : value;
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, shapeOf(field)]));
}

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

/** As a reader runs it, but for where this Weir is. */
function here(text: string): string {
  return text
    .replaceAll('http://127.0.0.1:8080', stack.dataPlane)
    .replaceAll('http://127.0.0.1:8081', stack.console)
    .replaceAll('.weir/admin.key', join(stack.home, 'admin.key'))
    .replaceAll('/tmp/usage.csv', join(stack.home, 'usage.csv'));
}

async function run(command: string): Promise<string> {
  const foreign = Object.entries(process.env).filter(([name]) => !name.startsWith('WEIR_'));
  const env = { ...Object.fromEntries(foreign), WEIR_HOME: stack.home };
  // Only what it answers, not what it tells on the side; a failure shows both.
  const shell = await startChild('sh', ['-c', `{ ${command}\n} 2> '${stack.home}/stderr.txt'`], {
    cwd: packageRoot(),
    env,
  });
  const ending = await shell.exited;
  expect(ending, `${shell.output()}\n${readFileSync(join(stack.home, 'stderr.txt'), 'utf8')}`).toBe(0);
  return shell.output();
}

function assertAnswer(output: string, answer: Block): void {
  if (answer.info === 'json') expect(shapeOf(JSON.parse(output))).toEqual(shapeOf(JSON.parse(answer.text)));
  else expect(output.trim()).toBe(answer.text.trim());
}

function arrives(matches: () => Promise<boolean>): Promise<boolean> {
  return waitFor(matches, { timeoutMs: LATER_MS_MAX, what: 'the answer' }).then(
    () => true,
    () => false,
  );
}

describe('the README', () => {
  it('has commands to run', () => {
    expect(commands.length).toBeGreaterThanOrEqual(8);
  });

  it.each(commands.map(({ command, answer }) => ({ name: `line ${command.line}`, command, answer })))(
    'what stands in $name works, and answers as the README says',
    async ({ command, answer }) => {
      const expected = answer !== undefined && ['json', 'text'].includes(answer.info) ? answer : undefined;
      const asked = async (): Promise<void> => {
        const output = await run(here(command.text));
        if (expected !== undefined) assertAnswer(output, expected);
      };
      const matches = (): Promise<boolean> =>
        asked().then(
          () => true,
          () => false,
        );
      // What does not arrive in time is asked for once more, for the sake of the message.
      if (command.info.endsWith('later') && (await arrives(matches))) return;
      await asked();
    },
  );
});
