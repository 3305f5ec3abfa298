/** Optional packages in package-lock.json. */

/**
 * @typedef {object} LockEntry
 * @property {string} [version]
 * @property {boolean} [dev]
 * @property {Record<string, string>} [optionalDependencies]
 */

/** Names of platforms and processors as packages write them in their own names; npm's words for them. */
const OS = ['darwin', 'linux', 'win32', 'freebsd', 'netbsd', 'openbsd', 'sunos', 'android', 'aix', 'openharmony'];
const CPU = ['x64', 'arm64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64', 'mips64el', 'wasm32'];

/**
 * The optional packages that are named by a package of the lock, and missing in it.
 *
 * @param {Record<string, LockEntry>} packages of the lock
 * @returns {{ path: string, entry: Record<string, unknown> }[]}
 */
function missingOptional(packages) {
  return Object.entries(packages).flatMap(([from, { optionalDependencies = {}, dev }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !isReachable(packages, from, name))
      .map(([name, range]) => ({
        path: `node_modules/${name}`,
        entry: {
          version: range.replace(/^[~^]/, ''),
          ...(dev === true ? { dev: true } : {}),
          optional: true,
          ...platformOf(name),
        },
      })),
  );
}

/**
 * Node's search: the package's own node_modules, then those above.
 *
 * @param {Record<string, LockEntry>} packages @param {string} from @param {string} name
 */
function isReachable(packages, from, name) {
  let folder = from;
  for (;;) {
    if (packages[`${folder === '' ? '' : `${folder}/`}node_modules/${name}`] !== undefined) return true;
    if (folder === '') return false;
    folder = folder.includes('/node_modules/') ? folder.slice(0, folder.lastIndexOf('/node_modules/')) : '';
  }
}

/** @param {string} name such as "@biomejs/cli-darwin-arm64" */
function platformOf(name) {
  const words = name.split(/[-/_]/);
  const os = OS.filter((word) => words.includes(word));
  const cpu = CPU.filter((word) => words.includes(word));
  const libc = words.includes('musl') ? ['musl'] : words.some((word) => word.startsWith('gnu')) ? ['glibc'] : [];
  return {
    ...(os.length > 0 ? { os } : {}),
    ...(cpu.length > 0 ? { cpu } : {}),
    ...(libc.length > 0 ? { libc } : {}),
  };
}

/**
 * @param {string} text package-lock.json
 * @returns {{ text: string, added: string[] }}
 */
export function completeLock(text) {
  const lock = JSON.parse(text);
  const missing = missingOptional(lock.packages);
  for (const { path, entry } of missing) lock.packages[path] = entry;
  const root = lock.packages[''];
  delete lock.packages[''];
  const sorted = Object.entries(lock.packages).sort(([left], [right]) => left.localeCompare(right, 'en'));
  lock.packages = { '': root, ...Object.fromEntries(sorted) };
  return { text: `${JSON.stringify(lock, null, 2)}\n`, added: [...new Set(missing.map(({ path }) => path))] };
}
