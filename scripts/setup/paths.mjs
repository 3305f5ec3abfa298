/** Where things are, and what stops a set-up. Everything in scripts/ runs on a bare Node: no packages, no build. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const DIST = join(ROOT, 'dist');

/** @param {string} name */
export const tool = (name) => join(ROOT, 'node_modules', '.bin', name);

/** A set-up that cannot go on; its message says what to do, so no stack is shown. */
export class SetupError extends Error {}
