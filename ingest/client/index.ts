/** The client SDK: what an API, a job or the command line asks of a running Weir. Runs in Node and in browsers. */

export type {
  Amount,
  CheckAnswer,
  CheckResult,
  CommitAnswer,
  CustomerUsage,
  Entitlements,
  HeartbeatAnswer,
  LimitAnswer,
  ReadinessAnswer,
  RejectedEvent,
  ReleaseAnswer,
  ReserveAnswer,
  VoidAnswer,
} from './answers.js';
export { type CheckInput, type Hold, type ReserveInput, WeirClient, type WeirClientOptions } from './client.js';
export type {
  AlertAnswer,
  AlertDeliveryAnswer,
  ApplyAnswer,
  CatalogChangeAnswer,
  CatalogObject,
  CatalogSection,
  ControlClient,
  DeadLetterAnswer,
  KeyAnswer,
  KeyRequest,
  ListPage,
  Query,
  RebuildAnswer,
  ReconcileAnswer,
  Report,
  RetriedLetterAnswer,
  VoidInput,
} from './control.js';
export { type ClientErrorCode, isRetryCode, WeirApiError } from './error.js';
export type { EventsOutcome, UsageEvent } from './events.js';
