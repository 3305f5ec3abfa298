import { admit, decided } from './admission.js';
import { Books } from './books.js';
import { record, recordEvent } from './record.js';
import type { Ask, CheckAsk, Reply, Scope } from './reply.js';
import { heartbeat, settle } from './settlement.js';
import { refused, Turn } from './turn.js';
import { takeBack } from './void.js';

/**
 * What the engine must answer to one customer: all of semantics.md. Simple before fast, exact by bigint, and
 * sharing nothing with the engine but the calendar and the contract, so that an error in one shows as a difference.
 */
export class Account {
  readonly #books = new Books();
  #generation = 0;

  /** Holds that were not given back yet. */
  get openHolds(): number {
    return this.#books.open.keys().length;
  }

  /** Decides one operation at the store's clock, ms since 1970, by the catalog in force. */
  apply(ask: Ask, scope: Scope, nowMs: number): Reply {
    const reply = this.#decide(this.#books, ask, scope, nowMs);
    this.#books.prune(nowMs);
    return reply;
  }

  /** All or none; an item that would have been admitted then says `batch_denied`. */
  applyAtomic(asks: readonly CheckAsk[], scope: Scope, nowMs: number): Reply[] {
    const grants = asks.map(({ feature, entity }) => scope.grant(feature, entity));
    // One that cannot be asked at all denies the batch before anything is decided.
    if (grants.includes(null)) {
      return asks.map((ask, index) =>
        grants[index] === null ? refused('unknown_entity') : this.#undone(ask, scope, nowMs),
      );
    }
    this.#expireHolds(this.#books, scope, nowMs);
    const books = this.#books.fork();
    const replies = asks.map((ask) => this.#decide(books, ask, scope, nowMs));
    if (replies.every(isAdmitted)) {
      books.merge();
      return replies;
    }
    return asks.map((ask, index) => {
      const reply = replies[index];
      if (reply === undefined) throw new Error('an operation without a reply');
      return isCharged(reply) ? this.#undone(ask, scope, nowMs) : reply;
    });
  }

  /** An item that another one of its batch undid: the limits are as they were before. */
  #undone(ask: CheckAsk, scope: Scope, nowMs: number): Reply {
    const turn = new Turn(this.#books.fork(), scope, nowMs, () => ++this.#generation);
    const views = turn.views(scope.grant(ask.feature, ask.entity)?.rules ?? []);
    const decision = { ...turn.decided(true, views, 0n, []), allowed: false, reason: 'batch_denied' as const };
    return decided(decision);
  }

  #decide(books: Books, ask: Ask, scope: Scope, nowMs: number): Reply {
    if (!isAskable(ask, scope)) return decide(new Turn(books.fork(), scope, nowMs, () => ++this.#generation), ask);
    this.#expireHolds(books, scope, nowMs);
    const draft = books.fork();
    const reply = decide(new Turn(draft, scope, nowMs, () => ++this.#generation), ask);
    if (reply.result.kind !== 'error') draft.merge();
    return reply;
  }

  /** Expired holds stay given back, whatever the operation then does. */
  #expireHolds(books: Books, scope: Scope, nowMs: number): void {
    const draft = books.fork();
    new Turn(draft, scope, nowMs, () => ++this.#generation).expireHolds();
    draft.merge();
  }
}

/** False for what is refused by the catalog alone: it never reaches the customer's books. */
function isAskable(ask: Ask, scope: Scope): boolean {
  if (ask.op === 'event') return typeof scope.parts(ask) !== 'string';
  return !('feature' in ask) || scope.grant(ask.feature, ask.entity) !== null;
}

function decide(turn: Turn, ask: Ask): Reply {
  switch (ask.op) {
    case 'check':
    case 'peek':
    case 'reserve':
      return admit(turn, ask);
    case 'record':
      return record(turn, ask);
    case 'event':
      return recordEvent(turn, ask);
    case 'commit':
    case 'release':
      return settle(turn, ask);
    case 'heartbeat':
      return heartbeat(turn, ask);
    case 'void':
      return takeBack(turn, ask);
  }
}

/** Admitted, and no repetition: what was charged before stays. */
const isCharged = (reply: Reply): boolean =>
  isAdmitted(reply) && reply.result.kind === 'decided' && !reply.result.decision.replayed;

const isAdmitted = ({ result }: Reply): boolean => result.kind === 'decided' && result.decision.allowed;
