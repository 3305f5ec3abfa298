import { CALL_OPERATIONS_MAX, CALLS_IN_FLIGHT_MAX, QUEUE_OPERATIONS_MAX } from '../contract/constants.js';
import { WeirError } from '../contract/errors.js';
import { deniedOf, isRefusedByFullOutbox } from '../outage/outbox-room.js';
import type { Call, LaneOptions, Settle, Waiting } from './call.js';
import { isNotTaken } from './cluster.js';
import { type CallReply, decodeAnswer, decodeReply, encodeCall, encodeHeader, type Submission } from './codec.js';
import { absentKey, fateKey, holderKey, outboxKey, retentionKey, shardStateKey } from './keys.js';
import type { Answer } from './operation.js';

/** How often waits are looked at while something waits, and a cluster that could not take a call is asked again. */
const TICK_MS = 10;

/** Operations that are worth a second call beside one that is under way: fewer cost Redis more than their wait does. */
const BESIDE_OPERATIONS_MIN = CALL_OPERATIONS_MAX / 2;

/** The shard's catalog is newer than what the operation was resolved by: catch up, resolve again, ask again. */
export class StaleCatalog extends Error {
  readonly version: number;

  constructor(version: number) {
    super(`the catalog in force is version ${version}`);
    this.version = version;
  }
}

/**
 * Micro-batches of one shard. What arrives in one turn of the event loop goes out together when it ends; while calls
 * are in flight the rest gathers and goes out when a reply arrives, so that batches grow with the load and no timer
 * adds latency. At most two calls are in flight, each in a slot of its own; on a cluster one, with sixteen lanes.
 *
 * A lost reply must not charge twice. Each call carries (gateway, slot, sequence), the script keeps the last reply of
 * each slot, and a call whose connection broke is sent again under the same sequence: either it has happened, and the
 * reply is repeated, or it happens now. Its slot stays taken until its fate is known.
 *
 * On a cluster no event tells when a shard has a master again, or its slot has moved: what could not be sent, and what
 * has lost its reply, is sent at the next tick, wherever the client finds the slot by then.
 */
export class Lane {
  readonly #options: LaneOptions;
  #queue: Waiting[] = [];
  #queued = 0;
  /** Calls in flight at most. On a cluster one, or a later call could overtake one that the cluster did not take. */
  readonly #slots: number;
  readonly #freeSlots: number[];
  readonly #inFlight = new Set<Call>();
  readonly #broken: Call[] = [];
  /** Since the last tick the cluster did not take a call, or lost one. */
  #refused = false;
  #sequence = 0;
  #scheduled = false;
  #timer: NodeJS.Timeout | undefined;
  #idle: (() => void)[] = [];
  /** When Redis last answered, or was first asked after silence. */
  #heardAt = 0;
  /** When waits were last looked at. */
  #tickAt = 0;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#slots = options.redis.isCluster ? 1 : CALLS_IN_FLIGHT_MAX;
    this.#freeSlots = Array.from({ length: this.#slots }, (_, slot) => slot);
    options.redis.on('ready', () => {
      this.#resend();
      options.breaker.signOfLife();
    });
  }

  /** Calls that have not been answered. */
  get calls(): number {
    return this.#slots - this.#freeSlots.length;
  }

  /** Operations that wait for a call. */
  get queued(): number {
    return this.#queued;
  }

  /** Operations that wait, and calls in flight. */
  get depth(): number {
    return this.#queued + this.calls;
  }

  /**
   * Decides the operations of a submission in one call, in order. `version` is the catalog they were resolved by. A
   * callback and no promise: a check has one promise, the one its caller waits for.
   *
   * Settles with WeirError `overloaded`, `outbox_full`, `store_unavailable`, `outcome_unknown`, `uninitialised`, or
   * StaleCatalog.
   */
  submit(submission: Submission, version: number, settle: Settle): void {
    const { breaker, room } = this.#options;
    // Refused at once, but not in this turn: who asks again and again would keep this process from hearing of Redis.
    if (breaker.isOpen) {
      setImmediate(settle, breaker.refusal());
      return;
    }
    if (room.isFull && isRefusedByFullOutbox(submission)) {
      this.#options.counters.refusedOutbox++;
      setImmediate(settle, new WeirError('outbox_full'));
      return;
    }
    const count = submission.operations.length;
    if (this.#queued + count > QUEUE_OPERATIONS_MAX) {
      this.#options.counters.refusedFull++;
      settle(new WeirError('overloaded'));
      return;
    }
    const { trace } = this.#options;
    const told = trace === undefined ? settle : trace.submit(submission, settle);
    this.#queue.push({ submission, version, since: Date.now(), settle: told });
    this.#queued += count;
    this.#schedule();
  }

  /** Resolves when nothing waits and nothing is in flight. */
  drained(): Promise<void> {
    if (this.depth === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  /** With a call in flight only half a batch or more goes out beside it; the reply flushes the rest. */
  #flush(): void {
    this.#watch();
    if (this.#refused) return;
    while (this.#queue.length > 0 && this.#freeSlots.length > 0 && this.#options.redis.status === 'ready') {
      if (this.#freeSlots.length < this.#slots && this.#queued < BESIDE_OPERATIONS_MIN) return;
      this.#send(this.#takeCall());
    }
  }

  #takeCall(): Call {
    const version = this.#queue[0]?.version ?? 0;
    let taken = 0;
    let count = 0;
    for (const waiting of this.#queue) {
      const size = waiting.submission.operations.length;
      if (waiting.version !== version || (taken > 0 && count + size > CALL_OPERATIONS_MAX)) break;
      taken++;
      count += size;
    }
    const waiting = taken === this.#queue.length ? this.#queue : this.#queue.slice(0, taken);
    this.#queue = taken === this.#queue.length ? [] : this.#queue.slice(taken);
    this.#queued -= count;
    const slot = this.#freeSlots.pop();
    if (slot === undefined) throw new Error('a call needs a free slot');
    return {
      slot,
      sequence: ++this.#sequence,
      version,
      waiting,
      encoded: encodeCall(waiting.map((each) => each.submission)),
      count,
      clockMs: this.#options.clockMs(),
      deadline: Date.now() + this.#options.storeFateMs,
      dropsDenials: this.#options.room.dropsDenials,
      sentMs: 0,
      lost: false,
      done: false,
    };
  }

  #send(call: Call): void {
    const { redis, script, shard, gateway, counters } = this.#options;
    const { encoded } = call;
    counters.calls++;
    counters.operations += call.count;
    const keys = [shardStateKey(shard), outboxKey(shard), fateKey(shard, gateway, call.slot), retentionKey(shard)];
    for (const holder of encoded.holders) keys.push(holderKey(shard, holder));
    if (redis.isCluster) keys.push(absentKey(shard));
    const header = encodeHeader(call.sequence, call.version, call.clockMs, call.lost, call.count, call);
    if (this.#inFlight.size === 0) this.#heardAt = Date.now();
    this.#inFlight.add(call);
    call.sentMs = performance.now();
    const span = this.#options.trace?.send(call);
    const sent = script.run(redis, keys, [
      header,
      encoded.sets,
      encoded.descriptors,
      encoded.operations,
      `{${shard}}:`,
    ]);
    if (span !== undefined) {
      sent.then(
        () => span.end(),
        (error: unknown) => this.#options.trace?.fail(span, error),
      );
    }
    sent.then((reply) => this.#settle(call, reply)).catch((error: unknown) => this.#fail(call, error));
  }

  #settle(call: Call, raw: unknown): void {
    if (!Buffer.isBuffer(raw)) throw new TypeError('the commit script must reply with a string');
    this.#heardAt = Date.now();
    this.#options.callTimes.observeMs(performance.now() - call.sentMs);
    this.#options.breaker.signOfLife();
    if (call.done) return;
    const reply = decodeReply(raw);
    // The reply of a call that was sent again may be an old one.
    if (reply.status === 'decided' && !call.lost) this.#options.clock.heard(reply.clockMs);
    this.#free(call);
    // Redis goes on while this process answers.
    this.#flush();
    this.#answer(call, reply);
  }

  #answer(call: Call, reply: CallReply): void {
    if (reply.status !== 'decided') {
      this.#reject(call, this.#refusal(call, reply));
      return;
    }
    for (const { submission, settle } of call.waiting) {
      const answers = submission.operations.map((operation) => this.#count(decodeAnswer(reply.reader, operation)));
      if (call.dropsDenials) this.#options.counters.denialsDropped += deniedOf(submission.operations, answers);
      settle(answers);
    }
  }

  #refusal(call: Call, reply: Exclude<CallReply, { status: 'decided' }>): Error {
    switch (reply.status) {
      case 'stale':
        this.#options.counters.stale++;
        return new StaleCatalog(reply.version);
      case 'uninitialised':
        this.#options.breaker.trip('uninitialised');
        return new WeirError(call.lost ? 'outcome_unknown' : 'uninitialised');
      case 'superseded':
        this.#options.counters.unknownOutcomes++;
        return new WeirError('outcome_unknown');
    }
  }

  #count(answer: Answer): Answer {
    if ('flags' in answer && answer.flags.clockFault) this.#options.counters.clockFaults++;
    return answer;
  }

  /**
   * An error reply of Redis means that the script did not run, or failed before its first write; anything else is a
   * lost connection, and the call's fate is open until it is sent again.
   */
  #fail(call: Call, error: unknown): void {
    if (call.done) return;
    const { isCluster } = this.#options.redis;
    const notTaken = isCluster && isNotTaken(error);
    if (notTaken && !call.lost) {
      this.#putBack(call);
      return;
    }
    if (!notTaken && error instanceof Error && error.name === 'ReplyError') {
      this.#free(call);
      const code = /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|OOM|NOREPLICAS|MISCONF)/.test(error.message)
        ? 'store_unavailable'
        : 'internal';
      if (code === 'store_unavailable') this.#options.breaker.trip(code, error.message.slice(0, 200));
      // Sent again, it says nothing of the first time, whose reply was lost.
      this.#reject(call, new WeirError(call.lost ? 'outcome_unknown' : code, error.message.slice(0, 200)));
      this.#flush();
      return;
    }
    if (Date.now() >= call.deadline) {
      this.#giveUp(call);
      return;
    }
    this.#inFlight.delete(call);
    this.#broken.push(call);
    call.lost ||= !notTaken;
    this.#refused = isCluster;
    if (isCluster) return;
    // The client fails its commands before it knows that it is closed: sent now, the call would go to the dead socket.
    setImmediate(() => {
      if (this.#options.redis.status === 'ready') this.#resend();
    });
  }

  /** It did not run: its operations wait again, in front of those that came after them. */
  #putBack(call: Call): void {
    call.done = true;
    this.#inFlight.delete(call);
    this.#freeSlots.push(call.slot);
    this.#queued += call.count;
    this.#options.counters.operations -= call.count;
    this.#refused = true;
    this.#queue = [...call.waiting, ...this.#queue];
  }

  #askAgain(): void {
    if (!this.#refused || this.#options.redis.status !== 'ready') return;
    this.#refused = false;
    this.#resend();
  }

  #resend(): void {
    for (const call of this.#broken.splice(0)) {
      this.#options.counters.resends++;
      this.#send(call);
    }
    this.#flush();
  }

  #giveUp(call: Call): void {
    const broken = this.#broken.indexOf(call);
    if (broken >= 0) this.#broken.splice(broken, 1);
    this.#options.counters.unknownOutcomes++;
    this.#options.breaker.trip('store_unavailable');
    this.#free(call);
    this.#reject(call, new WeirError('outcome_unknown'));
  }

  #free(call: Call): void {
    call.done = true;
    this.#inFlight.delete(call);
    this.#freeSlots.push(call.slot);
    if (this.depth === 0) this.#announceIdle();
  }

  #reject(call: Call, error: Error): void {
    for (const waiting of call.waiting) waiting.settle(error);
  }

  /** While something waits, looks every few milliseconds for what has waited too long. */
  #watch(): void {
    if (this.#timer !== undefined) return;
    this.#tickAt = Date.now();
    this.#timer = setInterval(() => this.#expire(), TICK_MS);
    this.#timer.unref();
  }

  #expire(): void {
    const now = Date.now();
    // A turn that comes late says that this process was busy, and replies may lie unread: that is no silence of Redis.
    const late = now - this.#tickAt > 3 * TICK_MS;
    this.#tickAt = now;
    if (late) {
      this.#askAgain();
      return;
    }
    for (const call of [...this.#broken, ...this.#inFlight]) if (now >= call.deadline) this.#giveUp(call);
    // While Redis answers, the queue's bound limits the wait; the timeout is for a Redis that does not.
    const { storeTimeoutMs, storeFateMs, redis, breaker } = this.#options;
    const silent =
      breaker.isOpen ||
      this.#refused ||
      redis.status !== 'ready' ||
      (this.#inFlight.size > 0 && now - this.#heardAt > storeTimeoutMs);
    if (silent) {
      const isOver = ({ submission, since }: Waiting): boolean =>
        now - since > (submission.patient === true ? storeFateMs : storeTimeoutMs);
      const over = this.#queue.filter(isOver);
      if (over.length > 0) this.#refuse(over);
    } else this.#flush();
    this.#askAgain();
    if (this.depth === 0) {
      this.#announceIdle();
      this.close();
    }
  }

  #refuse(over: readonly Waiting[]): void {
    this.#options.breaker.trip('store_unavailable');
    this.#queue = this.#queue.filter((waiting) => !over.includes(waiting));
    for (const { submission, settle } of over) {
      this.#queued -= submission.operations.length;
      this.#options.counters.timedOut++;
      settle(new WeirError('store_unavailable'));
    }
  }

  #announceIdle(): void {
    for (const idle of this.#idle.splice(0)) idle();
  }
}
