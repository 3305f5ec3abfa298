import { z } from 'zod';
import type { Logger } from '../../engine/platform/log.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import { type Alert, alertSchema } from './alert.js';
import { type Delivery, deliverySchema } from './delivery.js';
import { RowBuffer } from './row-buffer.js';

const [alertsQuery, loggedQuery] = [loadQuery('alerts'), loadQuery('alert-logged')];
const [deliveriesQuery, statesQuery] = [loadQuery('alert-deliveries'), loadQuery('alert-delivery-states')];

const parsed = <T extends z.ZodType>(schema: T) =>
  z.string().transform((text): z.output<T> => schema.parse(JSON.parse(text)));
const alertRowSchema = z.object({ atMs: z.coerce.number(), id: z.string(), body: parsed(alertSchema) });
const deliveryRowSchema = z.object({ createdMs: z.coerce.number(), id: z.string(), body: parsed(deliverySchema) });
const loggedSchema = z.object({ logged: z.coerce.number() });

/** A place in a list: the instant and the id of its last row. */
export interface LogPlace {
  readonly beforeMs: number;
  readonly beforeId: string;
}

interface LogRange extends LogPlace {
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
  /** '' for all, as all filters. */
  readonly customer: string;
}

/** The log of alerts and of their deliveries in ClickHouse, read. @throws ClickHouseError by all of them. */
export class AlertLog {
  readonly #clickhouse: Pick<ClickHouse, 'query'>;

  constructor(clickhouse: Pick<ClickHouse, 'query'>) {
    this.#clickhouse = clickhouse;
  }

  async alerts(range: LogRange & { readonly kind: string }): Promise<{ atMs: number; alert: Alert }[]> {
    const rows = await this.#clickhouse.query(alertsQuery, { ...range }, alertRowSchema);
    return rows.map(({ atMs, body }) => ({ atMs, alert: body }));
  }

  async isLogged(id: string): Promise<boolean> {
    const [row] = await this.#clickhouse.query(loggedQuery, { id }, loggedSchema);
    return row?.logged === 1;
  }

  async deliveries(range: LogRange & { readonly target: string; readonly state: string }): Promise<Delivery[]> {
    const rows = await this.#clickhouse.query(deliveriesQuery, { ...range }, deliveryRowSchema);
    return rows.map(({ body }) => body);
  }

  /** States of one delivery, the latest first. */
  async states(id: string, limit: number): Promise<Delivery[]> {
    const rows = await this.#clickhouse.query(statesQuery, { id, limit }, deliveryRowSchema.pick({ body: true }));
    return rows.map(({ body }) => body);
  }
}

/** The same log, written. A row may be there twice. */
export class AlertLogWriter {
  readonly #alerts: RowBuffer;
  readonly #deliveries: RowBuffer;

  constructor(clickhouse: Pick<ClickHouse, 'insertRows'>, log: Pick<Logger, 'warn'>, signal: AbortSignal) {
    const failed = (error: unknown): void =>
      log.warn({ error }, 'the log of alerts cannot be written: again in a while');
    this.#alerts = new RowBuffer((rows) => clickhouse.insertRows('alerts', rows), failed, signal);
    this.#deliveries = new RowBuffer((rows) => clickhouse.insertRows('alert_deliveries', rows), failed, signal);
  }

  /** Resolves once it is in. @throws Error when it was refused: then write it again. */
  async alert(alert: Alert): Promise<void> {
    const { id, kind, customer, plan, feature } = alert;
    const raised_at = decimalSeconds(Date.parse(alert.at));
    await this.#alerts.write({ id, raised_at, kind, customer, plan, feature, body: JSON.stringify(alert) });
  }

  /** As `alert`. */
  async delivery(delivery: Delivery): Promise<void> {
    const { id, attempts, state, target, createdMs, updatedMs } = delivery;
    await this.#deliveries.write({
      id,
      created_at: decimalSeconds(createdMs),
      updated_at: decimalSeconds(updatedMs),
      attempts,
      state,
      target,
      customer: delivery.alert.customer,
      body: JSON.stringify(delivery),
    });
  }

  /** Once everything that waits is in, or refused. */
  async settle(): Promise<void> {
    await Promise.all([this.#alerts.settle(), this.#deliveries.settle()]);
  }
}

/** As ClickHouse reads a DateTime64(3) from text, whatever the setting for dates: seconds since 1970. */
const decimalSeconds = (ms: number): string => (ms / 1_000).toFixed(3);
