/** What a slow reply can be late by. */
const SLACK_MS = 1_000;

/**
 * Redis's time as this process knows it without asking: its own clock as it was at the start, put right by what replies
 * tell, and carried on by a steady clock, which nobody sets. It chooses the windows that are sent along; the script
 * decides by Redis's own. A process whose clock is wrong by more than a window would else send windows none of which is
 * ever the current one.
 */
export class StoreClock {
  readonly #ownMs: () => number;
  readonly #steadyMs: () => number;
  /** What turns the steady clock's time into Redis's. */
  #offsetMs: number;
  #aheadMs = 0;

  /** @param steadyMs counts on from anywhere, whatever becomes of the system's clock. */
  constructor(ownMs: () => number, steadyMs: () => number) {
    this.#ownMs = ownMs;
    this.#steadyMs = steadyMs;
    this.#offsetMs = ownMs() - steadyMs();
  }

  /** How far this process's clock is ahead of Redis's; below 0 behind, 0 where they differ by no more than a reply takes. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  readonly nowMs = (): number => Math.floor(this.#steadyMs() + this.#offsetMs);

  /** Takes the time at which a call was decided, from its reply. */
  heard(storeMs: number): void {
    const steadyMs = this.#steadyMs();
    if (Math.abs(steadyMs + this.#offsetMs - storeMs) > SLACK_MS) this.#offsetMs = storeMs - steadyMs;
    const aheadMs = this.#ownMs() - storeMs;
    if (Math.abs(aheadMs) <= SLACK_MS) this.#aheadMs = 0;
    else if (Math.abs(aheadMs - this.#aheadMs) > SLACK_MS) this.#aheadMs = aheadMs;
  }
}
