/** Says what takes long. Quick steps are silent, so that a set-up with nothing to do prints nothing. */
const SILENT_MS = 1_000;
const HEARTBEAT_MS = 10_000;

/** @param {number} start as by performance.now() */
export const elapsed = (start) => `${((performance.now() - start) / 1_000).toFixed(1)} s`;

/**
 * Runs the work; past a second it prints the title, then every ten seconds how long it takes, then that it is done.
 *
 * @template T
 * @param {string} title such as "Installing packages"
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(title, work) {
  const start = performance.now();
  let announced = false;
  const say = () => {
    console.error(announced ? `${title} … ${elapsed(start)}` : `${title} …`);
    announced = true;
    timer = setTimeout(say, HEARTBEAT_MS);
  };
  let timer = setTimeout(say, SILENT_MS);
  try {
    const result = await work();
    if (announced) console.error(`${title}: done in ${elapsed(start)}`);
    return result;
  } finally {
    clearTimeout(timer);
  }
}
