import type { ClickHouse } from '../clickhouse.js';
import type { Forecast } from '../forecast/forecaster.js';
import { loadCustomers, type ReportCatalog } from '../reports/catalog.js';
import { churnFindings } from './churn.js';
import { readHistories, readSeason, type Season } from './customer-history.js';
import type { SignalRules } from './rules-file.js';
import { closeOthers, storeFindings } from './signal-table.js';
import { upsellFindings } from './upsell.js';

/** Everyone's season changes slowly, and is a reading over all customers. */
const SEASON_MS_MAX = 3_600_000;

export interface SignalRefreshOptions {
  readonly clickhouse: Pick<ClickHouse, 'query' | 'insertRows' | 'command'>;
  readonly catalog: ReportCatalog;
  readonly rules: SignalRules;
}

/** Works out the signals of some customers by the rules, and stores them. */
export class SignalRefresh {
  readonly #options: SignalRefreshOptions;
  #season: Season | undefined;
  #seasonMs = 0;

  constructor(options: SignalRefreshOptions) {
    this.#options = options;
  }

  /** Before the customers of a run. */
  async begin(nowMs: number): Promise<void> {
    if (this.#season !== undefined && nowMs - this.#seasonMs < SEASON_MS_MAX) return;
    const { days, baselineDays } = this.#options.rules.churn.useDown;
    this.#season = await readSeason(this.#options.clickhouse, days, baselineDays, nowMs);
    this.#seasonMs = nowMs;
  }

  /** @param forecasts of these customers, as of the same instant. */
  async work(ids: readonly string[], forecasts: readonly Forecast[], nowMs: number): Promise<void> {
    const { clickhouse, catalog, rules } = this.#options;
    const season = this.#season;
    if (season === undefined) throw new Error('a refresh of signals begins with its season');
    const customers = await loadCustomers(catalog, ids);
    const histories = await readHistories(clickhouse, customers, forecasts, nowMs);
    const findings = histories.flatMap((history) => {
      const input = { history, season, catalog, nowMs };
      const { id: customer, plan } = history.customer;
      const found = [...upsellFindings(input, rules.upsell), ...churnFindings(input, rules.churn)];
      return found.map((finding) => ({ ...finding, customer, plan }));
    });
    await storeFindings(clickhouse, ids, findings, rules.returnDays, nowMs);
  }

  /** After a run over all customers. */
  async end(nowMs: number): Promise<void> {
    await closeOthers(this.#options.clickhouse, nowMs);
  }
}
