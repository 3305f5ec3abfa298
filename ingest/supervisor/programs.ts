import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian keeps nats-server in /usr/sbin, which is not on everybody's PATH. */
const FURTHER_FOLDERS = ['/usr/sbin', '/usr/local/bin', '/usr/local/sbin', '/opt/homebrew/bin'];

/** Absolute path of a program. @param searchPath as in PATH. @throws Error that says what to do. */
export function findProgram(name: string, searchPath: string): string {
  const path = [...searchPath.split(delimiter), ...FURTHER_FOLDERS]
    .map((folder) => join(folder, name))
    .find((candidate) => isExecutable(candidate));
  if (path === undefined) {
    throw new Error(`${name} is not installed. "npm start" installs it; or bring your own by REDIS_URL and NATS_URL.`);
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
