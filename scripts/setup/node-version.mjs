/** The right Node, said before anything fails in a way nobody understands. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, SetupError } from './paths.mjs';

/**
 * @param {string} version such as "20.12.1"
 * @param {string} range of the form ">=20.12 <21", as package.json's engines has it
 * @returns {boolean}
 */
export function satisfies(version, range) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const value = major * 1_000 + minor;
  return range.split(' ').every((part) => {
    const match = /^(>=|<)(\d+)(?:\.(\d+))?$/.exec(part);
    if (match === null) throw new Error(`cannot read the range ${range}`);
    const bound = Number(match[2]) * 1_000 + Number(match[3] ?? 0);
    return match[1] === '<' ? value < bound : value >= bound;
  });
}

/** @throws {SetupError} */
export function checkNodeVersion() {
  const range = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).engines.node;
  if (satisfies(process.versions.node, range)) return;
  throw new SetupError(
    `Weir needs Node ${range}; this is ${process.versions.node}. The HTTP server (uWebSockets.js) is a native module with ` +
      'a build for each Node, and the builds for later ones need a newer C library than Debian 12 has.\n' +
      'Install Node 20 (https://nodejs.org/en/download, or "nvm install 20"), then run the same command again.',
  );
}
