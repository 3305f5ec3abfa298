import { expect, it } from 'vitest';
import { mergeMetrics } from './remote-metrics.js';

it('metrics of several processes stand under one heading each', () => {
  const text = (process: string): string =>
    `# HELP a_total What a is.\n# TYPE a_total counter\na_total{process="${process}"} 1\n\n# HELP ${process}_b B.\n# TYPE ${process}_b gauge\n${process}_b{process="${process}"} 2\n`;
  expect(mergeMetrics([text('control'), '', text('relay')])).toBe(`# HELP a_total What a is.
# TYPE a_total counter
a_total{process="control"} 1
a_total{process="relay"} 1

# HELP control_b B.
# TYPE control_b gauge
control_b{process="control"} 2

# HELP relay_b B.
# TYPE relay_b gauge
relay_b{process="relay"} 2
`);
});
