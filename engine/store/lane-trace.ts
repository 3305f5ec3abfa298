import type { Span } from '@opentelemetry/api';
import { WeirError } from '../contract/errors.js';
import type { Tracing } from '../platform/tracing.js';
import type { Call, Settle } from './call.js';
import type { Submission } from './codec.js';

/** Requests that a call's span names beside its parent. */
const LINKS_MAX = 32;

/** Spans of one lane: `lane` for each submission of a traced request, from here to its answer, `FCALL commit` for each call. */
export class LaneTrace {
  readonly #tracing: Tracing;
  readonly #shard: string;
  readonly #lanes = new WeakMap<Submission, Span>();

  constructor(tracing: Tracing, shard: string) {
    this.#tracing = tracing;
    this.#shard = shard;
  }

  /** Begins the span of a submission, and ends it with its answer. */
  submit(submission: Submission, settle: Settle): Settle {
    if (submission.span === undefined) return settle;
    const attributes = { 'weir.shard': this.#shard, 'weir.operations': submission.operations.length };
    const span = this.#tracing.start('lane', { kind: 'internal', parent: submission.span, attributes });
    this.#lanes.set(submission, span);
    return (answers) => {
      if (answers instanceof Error) this.#tracing.fail(span, codeOf(answers));
      else span.end();
      settle(answers);
    };
  }

  /** Begins the span of a call that carries operations of a traced request, else undefined. The first of them is its parent. */
  send({ waiting, count, lost }: Call): Span | undefined {
    const lanes = waiting.flatMap(({ submission }) => this.#lanes.get(submission) ?? []);
    const [parent, ...others] = lanes;
    if (parent === undefined) return undefined;
    return this.#tracing.start('FCALL commit', {
      kind: 'client',
      parent,
      links: others.slice(0, LINKS_MAX).map((span) => span.spanContext()),
      attributes: {
        'db.system.name': 'redis',
        'db.operation.name': 'FCALL',
        'db.operation.batch.size': count,
        'weir.shard': this.#shard,
        'weir.resent': lost,
      },
    });
  }

  fail(span: Span, error: unknown): void {
    this.#tracing.fail(span, codeOf(error));
  }
}

const codeOf = (error: unknown): string =>
  error instanceof WeirError ? error.code : error instanceof Error ? error.constructor.name : 'unknown';
