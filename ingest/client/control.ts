import { z } from 'zod';
import type { Scope } from '../../engine/contract/catalog.js';
import type { voidRequestSchema } from '../../engine/contract/void.js';
import {
  type PortalLinkAnswer,
  portalLinkSchema,
  type ReadinessAnswer,
  type VoidAnswer,
  voidAnswerSchema,
} from './answers.js';
import { readiness } from './readiness.js';
import type { Call, Transport } from './transport.js';

/** Kinds of catalog objects, as their addresses spell them. */
export type CatalogSection = 'meters' | 'features' | 'plans' | 'addons' | 'customers';

/** Values of a query; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export const reportSchema = z.looseObject({
  rows: z.array(z.record(z.string(), z.unknown())),
  totals: z.record(z.string(), z.unknown()).optional(),
  nextCursor: z.string().optional(),
});
export type Report = z.output<typeof reportSchema>;

const keySchema = z.looseObject({
  id: z.string(),
  name: z.string().optional(),
  scopes: z.array(z.string()),
  customer: z.string().optional(),
  createdAt: z.string(),
});
export type KeyAnswer = z.output<typeof keySchema>;
const madeKeySchema = keySchema.extend({ key: z.string().optional() });

const pageSchema = <T extends z.ZodType>(item: T) =>
  z.looseObject({ rows: z.array(item), nextCursor: z.string().optional() });
const objectSchema = z.looseObject({ id: z.string() });
export type CatalogObject = z.output<typeof objectSchema>;

const changeSchema = z.looseObject({
  type: z.string(),
  id: z.string(),
  action: z.enum(['create', 'update', 'delete']),
  before: z.unknown(),
  after: z.unknown(),
});
export type CatalogChangeAnswer = z.output<typeof changeSchema>;
const applySchema = z.looseObject({
  status: z.enum(['applied', 'unchanged', 'planned']),
  version: z.number(),
  changes: z.array(changeSchema),
  /** Of all changes: `changes` may hold only the first ones. */
  changesTotal: z.number(),
});
export type ApplyAnswer = z.output<typeof applySchema>;

const reconcileSchema = z.looseObject({
  /** A row for each counter that is not what the ledger says. */
  rows: z.array(z.record(z.string(), z.unknown())),
  customers: z.number(),
  windows: z.number(),
  restarted: z.number(),
  /** In the catalog. */
  customersTotal: z.number(),
  nextCursor: z.string().optional(),
});
export type ReconcileAnswer = z.output<typeof reconcileSchema>;

const rebuildSchema = z.looseObject({
  status: z.enum(['idle', 'running', 'done', 'failed']),
  step: z.enum(['catalog', 'ledger', 'counters', 'shards']),
  shards: z.array(z.string()),
  objects: z.number(),
  customers: z.number(),
  customersTotal: z.number(),
  reason: z.string(),
});
/** How far a rebuild is. */
export type RebuildAnswer = z.output<typeof rebuildSchema>;

const deadLetterSchema = z.looseObject({
  id: z.number(),
  at: z.string(),
  reason: z.string(),
  origin: z.string(),
  bytes: z.number(),
  preview: z.string(),
});
export type DeadLetterAnswer = z.output<typeof deadLetterSchema>;
const retriedLetterSchema = z.looseObject({
  id: z.number(),
  /** In the ledger now, or kept with the reason. */
  status: z.enum(['booked', 'unreadable']),
  rows: z.number().optional(),
  reason: z.string().optional(),
});
export type RetriedLetterAnswer = z.output<typeof retriedLetterSchema>;

const alertAnswerSchema = z.looseObject({
  id: z.string(),
  at: z.string(),
  kind: z.string(),
  customer: z.string(),
  entity: z.string().nullable(),
  feature: z.string(),
  limit: z.string(),
  /** Percent of what is included; null of other kinds. */
  threshold: z.number().nullable(),
});
export type AlertAnswer = z.output<typeof alertAnswerSchema>;
const alertDeliverySchema = z.looseObject({
  id: z.string(),
  /** The id of the alert, which is the webhook-id. */
  alert: z.string(),
  target: z.string(),
  state: z.string(),
  attempts: z.number(),
});
export type AlertDeliveryAnswer = z.output<typeof alertDeliverySchema>;

export interface KeyRequest {
  readonly scopes: readonly Scope[];
  readonly name?: string | undefined;
  readonly customer?: string | undefined;
}

/** An event and why it is taken back; `source` is `weir` when left out. */
export type VoidInput = z.input<typeof voidRequestSchema>;

/** A page of a list, and the cursor of the next one. */
export interface ListPage<T> {
  readonly rows: readonly T[];
  readonly nextCursor?: string | undefined;
}

/** The control plane's API. Every method throws WeirApiError. */
export class ControlClient {
  readonly #url: string;
  readonly #transport: Transport;

  constructor(url: string, transport: Transport) {
    this.#url = url.replace(/\/+$/, '');
    this.#transport = transport;
  }

  /** Usage of a meter over time: `meter`, `customer`, `from`, `to`, `granularity`, `groupBy`, `timezone`. */
  async usage(query: Query & { readonly meter: string }): Promise<Report> {
    return await this.#transport.json(this.#get('/v1/usage', query), reportSchema);
  }

  /** A report by its name: `utilization`, `finance` (need `period`), `near-limits`, `denials`. */
  async report(name: string, query: Query = {}): Promise<Report> {
    return await this.#transport.json(this.#get(`/v1/reports/${encodeURIComponent(name)}`, query), reportSchema);
  }

  /** Upsell and churn signals: `kind`, `state`, `customer`, `limit`, `cursor`. */
  async signals(query: Query = {}): Promise<Report> {
    return await this.#transport.json(this.#get('/v1/signals', query), reportSchema);
  }

  /** A report or `/v1/usage` as CSV, as it comes: it may be longer than fits into memory. @param path such as `/v1/usage` */
  async csv(path: string, query: Query, signal?: AbortSignal): Promise<ReadableStream<Uint8Array> | null> {
    return await this.#transport.stream({ ...this.#get(path, query), accept: 'text/csv', signal });
  }

  /** Makes a link to a customer's own usage; it opens it until `expiresAt`. @param ttlMs left out, 15 minutes. */
  async portalLink(customer: string, ttlMs?: number): Promise<PortalLinkAnswer> {
    const body = JSON.stringify({ customer, ...(ttlMs === undefined ? {} : { ttlMs }) });
    return await this.#transport.json(
      { method: 'POST', url: `${this.#url}/v1/portal-links`, body, repeatable: true },
      portalLinkSchema,
    );
  }

  /** Compares a page of customers' counters with the ledger: `customer`, `limit`, `cursor`. Takes up to 20 s. */
  async reconcile(query: Query = {}): Promise<ReconcileAnswer> {
    return await this.#transport.json(this.#get('/v1/reconcile', query), reconcileSchema);
  }

  /** Begins to make Redis anew from catalog and ledger, unless that is under way. Changes nothing where nothing is lost. */
  async startRebuild(): Promise<RebuildAnswer> {
    return await this.#transport.json(
      { method: 'POST', url: `${this.#url}/v1/rebuild`, repeatable: true },
      rebuildSchema,
    );
  }

  /** How far the rebuild is, or how the last one ended. */
  async rebuildState(): Promise<RebuildAnswer> {
    return await this.#transport.json(this.#get('/v1/rebuild', {}), rebuildSchema);
  }

  /** What could not be read on its way to the ledger, oldest first: `limit`, `cursor`. */
  async listDeadLetters(query: Query = {}): Promise<ListPage<DeadLetterAnswer>> {
    return await this.#transport.json(this.#get('/v1/dead-letters', query), pageSchema(deadLetterSchema));
  }

  /** Puts a dead letter through again; `not_found` when there is none. Sent twice it is booked once. */
  async retryDeadLetter(id: number): Promise<RetriedLetterAnswer> {
    const call: Call = { method: 'POST', url: `${this.#url}/v1/dead-letters/${id}/retry`, repeatable: true };
    return await this.#transport.json(call, retriedLetterSchema);
  }

  /** Alerts, newest first: `customer`, `kind`, `from`, `to`, `limit`, `cursor`. */
  async listAlerts(query: Query = {}): Promise<ListPage<AlertAnswer>> {
    return await this.#transport.json(this.#get('/v1/alerts', query), pageSchema(alertAnswerSchema));
  }

  /** Deliveries of alerts, newest first: `target`, `state`, `customer`, `from`, `to`, `limit`, `cursor`. */
  async listAlertDeliveries(query: Query = {}): Promise<ListPage<AlertDeliveryAnswer>> {
    return await this.#transport.json(this.#get('/v1/alert-deliveries', query), pageSchema(alertDeliverySchema));
  }

  /** Sends a delivery again; `not_found` when there is none. One that is under way stays as it is. */
  async replayAlertDelivery(id: string): Promise<AlertDeliveryAnswer> {
    const url = `${this.#url}/v1/alert-deliveries/${encodeURIComponent(id)}/replay`;
    return await this.#transport.json({ method: 'POST', url, repeatable: true }, alertDeliverySchema);
  }

  /**
   * Takes an event back, once however often it is asked for: counters and reports are as if it had not been, and the
   * ledger has its correction beside it. Waits until the ledger has the event. `unknown_event` when there is none.
   */
  async voidEvent(
    request: VoidInput,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<VoidAnswer> {
    const call: Call = {
      method: 'POST',
      url: `${this.#url}/v1/events/void`,
      body: JSON.stringify(request),
      repeatable: true,
      signal: options.signal,
    };
    return await this.#transport.json(call, voidAnswerSchema);
  }

  async listKeys(query: Query = {}): Promise<ListPage<KeyAnswer>> {
    return await this.#transport.json(this.#get('/v1/keys', query), pageSchema(keySchema));
  }

  /**
   * Makes a key, whose text is in the answer once and never again; or changes the one of this id.
   * Not sent twice: after a lost answer nobody knows the key, so revoke it and make another.
   */
  async putKey(
    id: string | undefined,
    request: KeyRequest,
  ): Promise<KeyAnswer & { readonly key?: string | undefined }> {
    const body = JSON.stringify(request);
    const call: Call =
      id === undefined
        ? { method: 'POST', url: `${this.#url}/v1/keys`, body, repeatable: false }
        : { method: 'PUT', url: this.#address('keys', id), body, repeatable: false };
    return await this.#transport.json(call, madeKeySchema);
  }

  /** A key's id, scopes and customer; `not_found` when there is none. */
  async getKey(id: string): Promise<KeyAnswer> {
    const call: Call = { method: 'GET', url: this.#address('keys', id), repeatable: true };
    return await this.#transport.json(call, keySchema);
  }

  /** In force on every gateway when it resolves. */
  async revokeKey(id: string): Promise<void> {
    await this.#transport.send({ method: 'DELETE', url: this.#address('keys', id), repeatable: false });
  }

  async getObject(section: CatalogSection, id: string): Promise<CatalogObject> {
    const call: Call = { method: 'GET', url: this.#address(section, id), repeatable: true };
    return await this.#transport.json(call, objectSchema);
  }

  async listObjects(section: CatalogSection, query: Query = {}): Promise<ListPage<CatalogObject>> {
    return await this.#transport.json(this.#get(`/v1/${section}`, query), pageSchema(objectSchema));
  }

  /** Creates or replaces an object; in force on every gateway when it resolves. */
  async putObject(section: CatalogSection, id: string, object: object): Promise<CatalogObject> {
    const call: Call = {
      method: 'PUT',
      url: this.#address(section, id),
      body: JSON.stringify(object),
      repeatable: true,
    };
    return await this.#transport.json(call, objectSchema);
  }

  async deleteObject(section: CatalogSection, id: string): Promise<void> {
    await this.#transport.send({ method: 'DELETE', url: this.#address(section, id), repeatable: false });
  }

  /** Makes the objects of one source those of an entitlement file (YAML or JSON), or says what that would change. */
  async applyCatalog(file: string, query: { readonly dryRun?: boolean; readonly owner?: string } = {}) {
    const call: Call = {
      method: 'POST',
      url: this.#withQuery('/v1/catalog/apply', query),
      body: file,
      contentType: 'application/yaml',
      // The second time there is nothing left to change.
      repeatable: true,
    };
    return await this.#transport.json(call, applySchema);
  }

  /** Whether the control plane can do its job, and what it cannot reach. */
  async ready(): Promise<ReadinessAnswer> {
    return await readiness(this.#transport, this.#url, undefined);
  }

  #get(path: string, query: Query): Call {
    return { method: 'GET', url: this.#withQuery(path, query), repeatable: true };
  }

  #address(section: CatalogSection | 'keys', id: string): string {
    return `${this.#url}/v1/${section}/${encodeURIComponent(id)}`;
  }

  #withQuery(path: string, query: Query): string {
    const given = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)] as [string, string]],
    );
    return `${this.#url}${path}${given.length === 0 ? '' : `?${new URLSearchParams(given)}`}`;
  }
}
