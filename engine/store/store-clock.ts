/** What a slow reply can be late by. */
const SLACK_MS = 1_000;

/**
 * Redis's time as this process knows it without asking: its own clock, put right by what replies tell. It chooses the
 * windows that are sent along; the script decides by Redis's own. A process whose clock is wrong by more than a window
 * would else send windows none of which is ever the current one.
 */
export class StoreClock {
  readonly #ownMs: () => number;
  #aheadMs = 0;

  constructor(ownMs: () => number) {
    this.#ownMs = ownMs;
  }

  /** How far this process's clock is ahead of Redis's; below 0 behind, 0 where they differ by no more than a reply takes. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  readonly nowMs = (): number => this.#ownMs() - this.#aheadMs;

  /** Takes the time at which a call was decided, from its reply. */
  heard(storeMs: number): void {
    const aheadMs = this.#ownMs() - storeMs;
    if (Math.abs(aheadMs) <= SLACK_MS) this.#aheadMs = 0;
    else if (Math.abs(aheadMs - this.#aheadMs) > SLACK_MS) this.#aheadMs = aheadMs;
  }
}
