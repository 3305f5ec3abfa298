import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian keeps nats-server in /usr/sbin, which is not on everybody's PATH. */
const FURTHER_FOLDERS = ['/usr/sbin', '/usr/local/bin', '/usr/local/sbin', '/opt/homebrew/bin'];

/** Absolute path of a program. @throws Error that says how to install it: a missing service fails a test, it never skips. */
export function findBinary(name: string): string {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...FURTHER_FOLDERS];
  const path = folders.map((folder) => join(folder, name)).find(isExecutable);
  if (path === undefined) {
    throw new Error(`${name} is not installed. Install it (Debian: apt-get install ${name}), or run "npm test" once.`);
  }
  return path;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
