import type { Fields } from './fields.js';
import { call } from './http.js';
import { type NearLimit, readNearLimit } from './reports.js';

export interface Traffic {
  readonly checksPerSecond: number;
  readonly deniedPerSecond: number;
  readonly degradedPerSecond: number;
  readonly eventsPerSecond: number;
  readonly rejectedEventsPerSecond: number;
  readonly failuresPerSecond: number;
  /** Denials per second by reason, the most frequent first. */
  readonly deniedByReason: readonly { readonly reason: string; readonly perSecond: number }[];
  /** Of single checks, ms; null while there is none. */
  readonly latency: { readonly p50: number; readonly p95: number; readonly p99: number } | null;
}

export interface NearCount {
  readonly threshold: number;
  readonly limits: number;
  readonly customers: number;
  readonly exhausted: number;
  readonly more: boolean;
  /** The worst. */
  readonly rows: readonly NearLimit[];
}

/** The whole system at a glance. What is null could not be asked, or is not known yet. */
export interface Overview {
  readonly atMs: number;
  readonly problems: readonly string[];
  readonly gateways: readonly { readonly gateway: string; readonly depth: number; readonly version: number }[] | null;
  readonly traffic: Traffic | null;
  readonly outbox: { readonly entries: number; readonly bytes: number; readonly lagSeconds: number } | null;
  readonly relay: { readonly entries: number | null; readonly failures: number | null };
  readonly stream: {
    readonly messages: number;
    readonly bytes: number;
    readonly behind: number;
    readonly deadLetters: number;
  } | null;
  readonly sink: { readonly lagSeconds: number | null; readonly failures: number | null };
  readonly ledger: { readonly facts: number; readonly newestMs: number | null } | null;
  readonly drift: { readonly windows: number; readonly compared: number; readonly lastRoundMs: number | null } | null;
  readonly nearLimits: NearCount | null;
  readonly customers: number | null;
  readonly version: number;
}

function readTraffic(fields: Fields): Traffic {
  const reasons = fields.object('deniedByReason');
  return {
    checksPerSecond: fields.number('checksPerSecond'),
    deniedPerSecond: fields.number('deniedPerSecond'),
    degradedPerSecond: fields.number('degradedPerSecond'),
    eventsPerSecond: fields.number('eventsPerSecond'),
    rejectedEventsPerSecond: fields.number('rejectedEventsPerSecond'),
    failuresPerSecond: fields.number('failuresPerSecond'),
    deniedByReason: reasons
      .names()
      .map((reason) => ({ reason, perSecond: reasons.number(reason) }))
      .sort((left, right) => right.perSecond - left.perSecond),
    latency: fields.objectOrNull('latencyMs', (ms) => ({
      p50: ms.number('p50'),
      p95: ms.number('p95'),
      p99: ms.number('p99'),
    })),
  };
}

const readNear = (fields: Fields): NearCount => ({
  threshold: fields.number('threshold'),
  limits: fields.number('limits'),
  customers: fields.number('customers'),
  exhausted: fields.number('exhausted'),
  more: fields.flag('more'),
  rows: fields.list('rows', readNearLimit),
});

export function overview(signal?: AbortSignal): Promise<Overview> {
  return call(
    '/v1/overview',
    (answer) => ({
      atMs: answer.instant('asOf'),
      problems: answer.texts('problems'),
      gateways: answer.has('gateways')
        ? answer.list('gateways', (row) => ({
            gateway: row.text('gateway'),
            depth: row.number('depth'),
            version: row.number('version'),
          }))
        : null,
      traffic: answer.objectOrNull('traffic', readTraffic),
      outbox: answer.objectOrNull('outbox', (outbox) => ({
        entries: outbox.number('entries'),
        bytes: outbox.number('bytes'),
        lagSeconds: outbox.number('lagSeconds'),
      })),
      relay: {
        entries: answer.object('relay').numberOrNull('entries'),
        failures: answer.object('relay').numberOrNull('failures'),
      },
      stream: answer.objectOrNull('stream', (stream) => ({
        messages: stream.number('messages'),
        bytes: stream.number('bytes'),
        behind: stream.number('behind'),
        deadLetters: stream.number('deadLetters'),
      })),
      sink: {
        lagSeconds: answer.object('sink').numberOrNull('lagSeconds'),
        failures: answer.object('sink').numberOrNull('failures'),
      },
      ledger: answer.objectOrNull('ledger', (ledger) => ({
        facts: ledger.number('facts'),
        newestMs: ledger.instantOrNull('newestAt'),
      })),
      drift: answer.objectOrNull('drift', (drift) => ({
        windows: drift.number('windows'),
        compared: drift.number('compared'),
        lastRoundMs: drift.instantOrNull('lastRoundAt'),
      })),
      nearLimits: answer.objectOrNull('nearLimits', readNear),
      customers: answer.numberOrNull('customers'),
      version: answer.number('version'),
    }),
    { signal },
  );
}
