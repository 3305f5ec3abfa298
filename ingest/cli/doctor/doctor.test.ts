import { expect, it } from 'vitest';
import { pipelineFindings } from './pipeline.js';
import { parseInfo, redisFindings } from './redis.js';
import { parseMetrics } from './scrape.js';

const GOOD = {
  redis_version: '7.2.4',
  aof_enabled: '1',
  maxmemory_policy: 'noeviction',
  used_memory: '1048576',
  maxmemory: '0',
};

const SETTINGS = { appendfsync: 'no', 'hash-max-listpack-value': '256' };

it('a Redis that loses counters fails, whichever way it would', () => {
  expect(redisFindings(GOOD, SETTINGS).map(({ level }) => level)).toEqual(['ok']);
  const failing = [{ redis_version: '6.2.1' }, { aof_enabled: '0' }, { maxmemory_policy: 'allkeys-lru' }];
  for (const change of [...failing, { aof_last_write_status: 'err' }]) {
    expect(redisFindings({ ...GOOD, ...change }, SETTINGS).map(({ level }) => level)).toEqual(['fail']);
  }
  const slow = { appendfsync: 'everysec', 'hash-max-listpack-value': '128' };
  expect(redisFindings({ ...GOOD, maxmemory: '1100000' }, slow).map(({ level }) => level)).toEqual([
    'warn',
    'warn',
    'warn',
  ]);
  expect(parseInfo('# Server\r\nredis_version:7.2.4\r\naof_enabled:1\r\n')).toEqual({
    redis_version: '7.2.4',
    aof_enabled: '1',
  });
});

const HEALTHY = `# TYPE weir_service_up gauge
weir_service_up{service="clickhouse",process="control"} 1
weir_catalog_version{process="control"} 7
weir_catalog_version{process="gateway-0"} 7
weir_relay_active{process="relay"} 1
weir_outbox_lag_seconds{shard="s00",process="relay"} 0.2
weir_outbox_lag_seconds{shard="catalog",process="relay"} 90000
weir_sink_lag_seconds{process="control"} 1.5
weir_dead_letters{process="control"} 0
weir_drift_limits{process="control"} 0
weir_spool_bytes{process="gateway-0"} 0
`;
const worstOf = (text: string): string[] =>
  pipelineFindings(parseMetrics(text))
    .filter(({ level }) => level !== 'ok')
    .map(({ level, subject }) => `${level} ${subject}`);

it('a pipeline is sound when all of its metrics say so', () => {
  expect(worstOf(HEALTHY)).toEqual([]);
});

it.each([
  ['weir_service_up{service="clickhouse",process="control"} 1', '0', 'fail clickhouse'],
  ['weir_catalog_version{process="gateway-0"} 7', '6', 'warn catalog'],
  ['weir_relay_active{process="relay"} 1', '0', 'fail relay'],
  ['weir_outbox_lag_seconds{shard="s00",process="relay"} 0.2', '31', 'warn outbox'],
  ['weir_sink_lag_seconds{process="control"} 1.5', '301', 'fail sink'],
  ['weir_dead_letters{process="control"} 0', 'Nan', 'warn dead letters'],
  ['weir_drift_limits{process="control"} 0', '2', 'fail drift'],
  ['weir_spool_bytes{process="gateway-0"} 0', '150', 'warn spool'],
])('%s → %s is a finding', (line, value, finding) => {
  expect(worstOf(HEALTHY.replace(line, line.replace(/\S+$/, value)))).toEqual([finding]);
});
