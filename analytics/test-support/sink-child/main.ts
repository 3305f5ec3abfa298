import { connect } from 'nats';
import { Registry } from 'prom-client';
import { createLogger } from '../../../engine/platform/log.js';
import { natsConnectionOptions } from '../../../engine/platform/urls.js';
import { ClickHouse } from '../../clickhouse.js';
import { startSink } from '../../sink/start.js';

/**
 * A sink as a process of its own, for tests that kill it: `node sink-child/main.js HOME NATS_URL [STEP COUNT]`. With a step,
 * `before insert` or `after insert`, it kills itself there, the COUNT-th time that it comes by.
 */
const [home = '', natsUrl = '', step = '', count = '1'] = process.argv.slice(2);
const clickhouse = await ClickHouse.open({ home, clickhouseUrl: undefined });
const nats = await connect(natsConnectionOptions(natsUrl));
let passed = 0;
const sink = startSink({
  nats,
  clickhouse,
  registry: new Registry(),
  log: createLogger('sink-child', { logLevel: 'warn', logFormat: 'json' }),
  failPoint: (at) => {
    if (at === step && ++passed === Number(count)) process.kill(process.pid, 'SIGKILL');
  },
});
process.on('SIGTERM', async () => {
  await sink.stop();
  await nats.close();
  await clickhouse.close();
  process.exit(0);
});
