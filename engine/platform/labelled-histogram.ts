import { Histogram, type LabelValues, type Registry } from 'prom-client';
import { HotHistogram } from './hot-metrics.js';

/** Shows HotHistograms in a scrape under one name, told apart by one label. */
export class LabelledHistogram<Label extends string> extends Histogram<Label> {
  readonly #children = new Map<string, HotHistogram>();
  /** What prom-client would show of a histogram without samples. */
  readonly #empty: Histogram<Label>;
  readonly #name: string;
  readonly #label: Label;

  constructor(label: Label, config: { name: string; help: string; registers: Registry[] }) {
    super({ ...config, labelNames: [label] });
    this.#label = label;
    this.#name = config.name;
    this.#empty = new Histogram({ ...config, labelNames: [label], registers: [] });
  }

  /** The counts of one value of the label, made when it is asked for first. */
  child(value: string): HotHistogram {
    const child = this.#children.get(value) ?? new HotHistogram();
    this.show(value, child);
    return child;
  }

  show(value: string, child: HotHistogram): void {
    this.#children.set(value, child);
  }

  override async get(): ReturnType<Histogram<Label>['get']> {
    const empty = await this.#empty.get();
    const values = [...this.#children].flatMap(([shown, child]) => {
      const { buckets, sum, count } = child.values();
      const named = (suffix: string, labels: { le?: number | string }, value: number) => ({
        metricName: `${this.#name}_${suffix}`,
        labels: { [this.#label]: shown, ...labels } as LabelValues<Label | 'le'>,
        value,
      });
      return [
        ...buckets.map((bucket) => named('bucket', { le: bucket.le }, bucket.count)),
        named('sum', {}, sum),
        named('count', {}, count),
      ];
    });
    return { ...empty, values };
  }

  /** The registry asks this of a histogram first; it must not fall back to the parent's. */
  getForPromString(): ReturnType<Histogram<Label>['get']> {
    return this.get();
  }
}
