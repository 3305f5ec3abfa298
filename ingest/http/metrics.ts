import { Counter, Gauge, Histogram, type LabelValues, type Registry } from 'prom-client';

/** Upper bounds of latencies in seconds: fine below a millisecond, where checks live. */
const SECONDS_BUCKETS = [
  0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/**
 * Counts kept as plain numbers and handed to prom-client when it is scraped: an `inc` with labels there hashes them
 * every time, which a check in microseconds feels.
 */
export class HotCounter {
  #count = 0;

  inc(): void {
    this.#count += 1;
  }

  take(): number {
    const count = this.#count;
    this.#count = 0;
    return count;
  }
}

/** A histogram's counts for one set of labels, kept like HotCounter's until the scrape. */
export class HotHistogram {
  readonly #counts = new Float64Array(SECONDS_BUCKETS.length + 1);
  #sumSeconds = 0;

  observeMs(ms: number): void {
    const seconds = ms / 1_000;
    let index = 0;
    while (index < SECONDS_BUCKETS.length && seconds > (SECONDS_BUCKETS[index] ?? 0)) index += 1;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sumSeconds += seconds;
  }

  /** Cumulative counts by upper bound, the sum in seconds and the count, since the process began. */
  values(): { buckets: { le: number | string; count: number }[]; sum: number; count: number } {
    let count = 0;
    const buckets = [...this.#counts].map((own, index) => {
      count += own;
      return { le: SECONDS_BUCKETS[index] ?? '+Inf', count };
    });
    return { buckets, sum: this.#sumSeconds, count };
  }
}

/** Shows HotHistograms in a scrape under one name. */
class RouteHistogram extends Histogram<'route'> {
  readonly #children = new Map<string, HotHistogram>();
  /** What prom-client would show of a histogram without samples. */
  readonly #empty: Histogram<'route'>;
  readonly #name: string;

  constructor(config: { name: string; help: string; registers: Registry[] }) {
    super({ ...config, labelNames: ['route'] });
    this.#name = config.name;
    this.#empty = new Histogram({ ...config, labelNames: ['route'], registers: [] });
  }

  child(route: string): HotHistogram {
    const child = this.#children.get(route) ?? new HotHistogram();
    this.#children.set(route, child);
    return child;
  }

  override async get(): ReturnType<Histogram<'route'>['get']> {
    const empty = await this.#empty.get();
    const values = [...this.#children].flatMap(([route, child]) => {
      const { buckets, sum, count } = child.values();
      const named = (suffix: string, labels: LabelValues<'route' | 'le'>, value: number) => ({
        metricName: `${this.#name}_${suffix}`,
        labels: { route, ...labels },
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
  getForPromString(): ReturnType<Histogram<'route'>['get']> {
    return this.get();
  }
}

type RequestLabels = 'route' | 'method' | 'status';

/** What the HTTP edge counts. */
export class HttpMetrics {
  readonly #requests: Counter<RequestLabels>;
  readonly #durations: RouteHistogram;
  readonly #hot: { counter: HotCounter; labels: LabelValues<RequestLabels> }[] = [];
  readonly #byKey = new Map<string, HotCounter>();

  constructor(registry: Registry, inFlight: () => number, bodyBytes: () => number) {
    this.#requests = new Counter({
      name: 'weir_http_requests_total',
      help: 'Requests answered, by route, method and status.',
      labelNames: ['route', 'method', 'status'],
      registers: [registry],
      collect: () => {
        for (const { counter, labels } of this.#hot) this.#requests.inc(labels, counter.take());
      },
    });
    this.#durations = new RouteHistogram({
      name: 'weir_http_request_duration_seconds',
      help: 'Time from the request line to the answer, by route.',
      registers: [registry],
    });
    new Gauge({
      name: 'weir_http_requests_in_flight',
      help: 'Requests not answered yet.',
      registers: [registry],
      collect() {
        this.set(inFlight());
      },
    });
    new Gauge({
      name: 'weir_http_body_bytes',
      help: 'Bytes of request bodies held now.',
      registers: [registry],
      collect() {
        this.set(bodyBytes());
      },
    });
  }

  /** The counter of one route, method and status: made once, incremented cheaply. Routes and methods are a closed set. */
  counter(route: string, method: string, status: number): HotCounter {
    const key = `${route} ${method} ${status}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const counter = new HotCounter();
    this.#byKey.set(key, counter);
    this.#hot.push({ counter, labels: { route, method, status: String(status) } });
    return counter;
  }

  duration(route: string): HotHistogram {
    return this.#durations.child(route);
  }
}
