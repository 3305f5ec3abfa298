import { ByteReader } from '../contract/bytes.js';
import type { Lacking } from '../store/operation.js';

/** What became of one operation of a spool. `known`: its id was charged before, with the same body. */
export type CallFate = 'charged' | 'known' | 'id_conflict' | 'amount_out_of_range' | 'time_in_future';

/** The reply to a call of a spool: lua/commit.lua, flag 2. */
export type SpoolReply =
  | { readonly status: 'charged'; readonly fates: readonly CallFate[] }
  | { readonly status: 'uninitialised' | 'superseded' | 'id_memory_full' }
  | { readonly status: 'stale'; readonly version: number }
  | ({ readonly status: 'needs_window'; readonly index: number } & Lacking);

const REPLAYED = 1;
const FATES: Readonly<Record<number, CallFate>> = {
  2: 'charged',
  10: 'id_conflict',
  11: 'amount_out_of_range',
  14: 'time_in_future',
};

/** @throws TypeError, RangeError for a reply that is not one of the script's. */
export function readSpoolReply(reply: unknown): SpoolReply {
  if (!Buffer.isBuffer(reply)) throw new TypeError('the commit script must reply with a string');
  const reader = new ByteReader(reply);
  const status = reader.u8();
  switch (status) {
    case 0: {
      reader.f64();
      reader.f64();
      const fates = Array.from({ length: (reply.length - 17) / 2 }, () => readFate(reader.u8(), reader.u8()));
      return { status: 'charged', fates };
    }
    case 1:
      return { status: 'uninitialised' };
    case 2:
      return { status: 'stale', version: reader.f64() };
    case 3:
      return { status: 'superseded' };
    case 4: {
      const index = reader.u16();
      return { status: 'needs_window', index, instantMs: reader.f64(), place: reader.u16() };
    }
    case 5:
      return { status: 'id_memory_full' };
    default:
      throw new RangeError(`unknown reply ${status} of the commit script`);
  }
}

function readFate(status: number, flags: number): CallFate {
  if (status === 2 && (flags & REPLAYED) !== 0) return 'known';
  const fate = FATES[status];
  if (fate === undefined) throw new RangeError(`unknown answer ${status} to an operation of a spool`);
  return fate;
}
