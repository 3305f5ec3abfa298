import { readFileSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Files that are read at run time and not compiled: Lua, SQL, the sample catalog. They are read from the source tree,
 * so `engine/` and `dist/engine/` share one copy and a build step cannot forget one.
 */

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    if (isPackageRoot(folder)) return folder;
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`no package.json of weir above ${fileURLToPath(import.meta.url)}`);
    folder = parent;
  }
}

function isPackageRoot(folder: string): boolean {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return typeof manifest === 'object' && manifest !== null && 'name' in manifest && manifest.name === 'weir';
  } catch {
    return false;
  }
}

let root: string | undefined;

/** The folder with Weir's package.json, from the sources as well as from `dist/`. */
export function packageRoot(): string {
  root ??= findRoot();
  return root;
}

/** Absolute path of an asset, given relative to the package root. @throws Error for a path that leaves it. */
export function assetPath(relativePath: string): string {
  const path = resolve(packageRoot(), relativePath);
  if (!path.startsWith(packageRoot() + sep)) throw new Error(`${relativePath} is outside the package`);
  return path;
}

/** Text of an asset, given relative to the package root: `readAsset('engine/store/lua/commit.lua')`. */
export function readAsset(relativePath: string): string {
  return readFileSync(assetPath(relativePath), 'utf8');
}
