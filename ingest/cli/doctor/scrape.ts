import { get } from 'node:http';
import { get as getTls } from 'node:https';

const ANSWER_MS_MAX = 5_000;
const BYTES_MAX = 16 * 1024 * 1024;
/** Scrapes for each gateway: they share a port, and a connection meets one of them by chance. */
const TRIES = 8;
const SCRAPES_MAX = 128;

/** One series of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The metrics of whoever answers a new connection. @throws Error when nobody does, or the key is not good for it. */
export async function scrape(url: string, key: string | undefined): Promise<Sample[]> {
  return parseMetrics(await read(`${url}/metrics`, key));
}

/** The metrics of each gateway behind one port, as far as chance shows them; empty when nobody answers. */
export async function scrapeEach(url: string, key: string | undefined, gateways: number): Promise<Sample[]> {
  const seen = new Map<string, Sample[]>();
  for (let left = Math.min(gateways * TRIES, SCRAPES_MAX); left > 0 && seen.size < gateways; left--) {
    try {
      const samples = await scrape(url, key);
      seen.set(samples[0]?.labels.process ?? '', samples);
    } catch {
      break;
    }
  }
  return [...seen.values()].flat();
}

/** Prometheus's text format, version 0.0.4, without timestamps: Weir writes none. */
export function parseMetrics(text: string): Sample[] {
  return [...text.matchAll(/^([a-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/gim)].map(
    ([, name = '', labels = '', value = '']) => ({
      name,
      labels: Object.fromEntries(
        [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, shown]) => [label, shown]),
      ),
      value: value.endsWith('Inf') ? Number(value.replace('Inf', 'Infinity')) : Number(value),
    }),
  );
}

/** Not by fetch: its connections are used again, and always meet the same gateway. */
function read(url: string, key: string | undefined): Promise<string> {
  const headers = key === undefined ? {} : { 'x-weir-key': key };
  const ask = url.startsWith('https:') ? getTls : get;
  return new Promise((resolve, reject) => {
    const request = ask(url, { agent: false, headers, timeout: ANSWER_MS_MAX }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > BYTES_MAX) request.destroy(new Error('the answer is too long'));
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${url} answered ${response.statusCode}`));
      });
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', reject);
  });
}
