import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import type { Dice } from './dice.js';
import { mutateBytes } from './mutate.js';

/** Gzip (RFC 1952), right and wrong. */

/** A bomb unpacks to this; a gateway takes up to 10 MiB. */
const BOMB_BYTES = 64 * 1024 * 1024;
/** Unpacks to just over what a check may be. */
const SMALL_BOMB_BYTES = 70_000;
let bomb: Buffer | undefined;

/** Packs a body, mostly wrong. */
export function pack(body: Buffer, dice: Dice): Buffer {
  const good = gzipSync(body, { level: 1 });
  const roll = dice.below(1_000);
  if (roll < 250) return good;
  if (roll < 400) return good.subarray(0, dice.below(good.length));
  if (roll < 550) return wrongTrailer(good, dice);
  if (roll < 700) return mutateBytes(good, dice);
  if (roll < 760) return Buffer.concat([good, dice.bytes(1 + dice.below(40))]);
  if (roll < 820) return Buffer.concat([good, gzipSync(Buffer.alloc(dice.below(200), ' '))]);
  if (roll < 880) return deflateSync(body);
  if (roll < 920) return deflateRawSync(body);
  if (roll < 960) return gzipSync(good);
  if (roll < 990) return gzipSync(Buffer.alloc(SMALL_BOMB_BYTES, ' '));
  if (roll < 998) return dice.bytes(dice.below(200));
  bomb ??= gzipSync(Buffer.alloc(BOMB_BYTES), { level: 9 });
  return bomb;
}

/** Another checksum, or another length. */
function wrongTrailer(good: Buffer, dice: Dice): Buffer {
  const bytes = Buffer.from(good);
  const at = bytes.length - 1 - dice.below(8);
  bytes[at] = ((bytes[at] ?? 0) + 1 + dice.below(255)) & 0xff;
  return bytes;
}
