/**
 * Adds to package-lock.json the optional packages that its packages name and it lacks. npm leaves out those that a
 * registry does not hold (a mirror often has the builds for its own platform only), and then `npm ci` refuses the lock.
 * Run by hand after `npm i`; a test fails when it is needed.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { completeLock } from './setup/lock-file.mjs';
import { ROOT } from './setup/paths.mjs';

const path = join(ROOT, 'package-lock.json');
const { text, added } = completeLock(readFileSync(path, 'utf8'));
writeFileSync(path, text);
console.log(added.length === 0 ? 'nothing to add' : `added ${added.join(', ')}`);
