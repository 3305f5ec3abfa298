/** Bounds of the HTTP edge that concern nobody else. The documented limits of requests are in engine/contract/constants.ts. */

/**
 * A body must bring at least this much every BODY_STALL_MS, else it is answered 408. uWebSockets.js closes such a
 * connection without a word after 10 to 12 s (16 KiB/s is its own bound), so ours must strike before.
 */
export const BODY_STALL_MS = 8_000;
export const BODY_STALL_BYTES = (BODY_STALL_MS / 1_000) * 16 * 1024;
/** A whole body must be here after this time, however steadily it trickles. */
export const BODY_MS_MAX = 120_000;
/** How often the bodies under way are looked at; one timer for all of them. */
export const BODY_SWEEP_MS = 1_000;

/** Bytes of all bodies held at once by one process; past it the caller hears 503 `overloaded`. */
export const BODIES_BYTES_MAX = 256 * 1024 * 1024;

/** A drain gives up on requests under way after this time, before its process gives up on it (engine/platform/shutdown.ts). */
export const DRAIN_MS_MAX = 8_000;
/**
 * A connection that rests when the drain begins stays open this long: a request that its client sends meanwhile is
 * answered, with `connection: close`. Together with DRAIN_MS_MAX less than the process gives itself.
 */
export const DRAIN_LINGER_MS = 1_000;

/** Answers past this size are handed to the socket piece by piece, so that a drain knows when they are out. */
export const TRY_END_BYTES = 64 * 1024;
