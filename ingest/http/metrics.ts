import { Counter, Gauge, type LabelValues, type Registry } from 'prom-client';
import { HotCounter, type HotHistogram } from '../../engine/platform/hot-metrics.js';
import { LabelledHistogram } from '../../engine/platform/labelled-histogram.js';

type RequestLabels = 'route' | 'method' | 'status';

/** What the HTTP edge counts. */
export class HttpMetrics {
  readonly #requests: Counter<RequestLabels>;
  readonly #durations: LabelledHistogram<'route'>;
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
    this.#durations = new LabelledHistogram('route', {
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
