import { connect } from 'nats';
import { FACTS_STREAM } from '../../../engine/index.js';
import { natsConnectionOptions } from '../../../engine/platform/urls.js';
import type { Finding } from './finding.js';
import { within } from './within.js';

const ANSWER_MS_MAX = 5_000;
const FULL_WARN = 0.8;

/** NATS: does it have JetStream, and room for facts? */
export async function inspectNats(url: string | undefined): Promise<Finding[]> {
  if (url === undefined) return [];
  const subject = 'nats';
  try {
    const nats = await connect({ ...natsConnectionOptions(url), timeout: ANSWER_MS_MAX, reconnect: false });
    try {
      const version = nats.info?.version ?? '';
      const manager = await within(ANSWER_MS_MAX, () => nats.jetstreamManager());
      const { state, config } = await within(ANSWER_MS_MAX, () => manager.streams.info(FACTS_STREAM));
      const full = config.max_bytes > 0 ? state.bytes / config.max_bytes : 0;
      const text = `${version}, JetStream; ${FACTS_STREAM} is ${Math.round(full * 100)} % full`;
      return [
        full < FULL_WARN
          ? { level: 'ok', subject, text }
          : { level: 'warn', subject, text: `${text}: past its bound facts wait in Redis. Does the sink work?` },
      ];
    } finally {
      await nats.close();
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [{ level: 'warn', subject, text: `JetStream cannot be asked from here: ${reason}` }];
  }
}
