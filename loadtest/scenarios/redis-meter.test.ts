import { expect, it } from 'vitest';
import { parseCommandStats } from './redis-meter.js';

it('functions and scripts are counted apart from commands, and the meter itself not at all', () => {
  const info = [
    '# Commandstats',
    'cmdstat_fcall:calls=3,usec=30,usec_per_call=10.00,rejected_calls=0,failed_calls=0',
    'cmdstat_evalsha:calls=2,usec=5,usec_per_call=2.50,rejected_calls=0,failed_calls=0',
    'cmdstat_incrby:calls=7,usec=7,usec_per_call=1.00,rejected_calls=0,failed_calls=0',
    'cmdstat_config|get:calls=4,usec=4,usec_per_call=1.00,rejected_calls=0,failed_calls=0',
    'cmdstat_xgroup|create:calls=1,usec=4,usec_per_call=4.00,rejected_calls=0,failed_calls=0',
    'cmdstat_info:calls=9,usec=900,usec_per_call=100.00,rejected_calls=0,failed_calls=0',
  ].join('\r\n');
  expect(parseCommandStats(info)).toEqual({ functionCalls: 5, functionMicros: 35, commandCalls: 8 });
});
