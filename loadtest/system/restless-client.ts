import { Agent, request } from 'node:http';
import { z } from 'zod';
import { type Stack, waitFor } from '../harness/services.js';

const FAILURES_MAX = 10;

/** One keep-alive connection that asks without a pause, checks and events by turns, and sends nothing twice. */
export class RestlessClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #stack: Stack;
  readonly #name: string;
  #stopped = false;
  /** Requests that were answered as they should. */
  answered = 0;
  /** Connections made so far. */
  connections = 0;
  readonly failures: string[] = [];

  constructor(stack: Stack, name: string) {
    this.#stack = stack;
    this.#name = name;
  }

  /** Asks until `stop`, or too many requests have failed. */
  async run(): Promise<void> {
    for (let count = 0; !this.#stopped && this.failures.length < FAILURES_MAX; count++) {
      const id = `${this.#name}-${count}`;
      const check = count % 2 === 0;
      try {
        if (check) await this.#ask('/v1/check', { customer: 'acme', feature: 'api', id }, 200, /"allowed":true/);
        else {
          await this.#ask('/v1/events', { id, type: 'api.called', subject: 'acme' }, 202, /"accepted":1/);
        }
        this.answered += 1;
      } catch (error) {
        this.failures.push(`${id}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    this.#agent.destroy();
  }

  stop(): void {
    this.#stopped = true;
  }

  #ask(path: string, body: object, status: number, answer: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${this.#stack.adminKey}`, 'content-type': 'application/json' };
      const asked = request(this.#stack.dataPlane + path, { agent: this.#agent, method: 'POST', headers });
      asked.once('error', reject);
      asked.once('socket', () => {
        if (!asked.reusedSocket) this.connections += 1;
      });
      asked.once('response', (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += String(chunk);
        });
        response.once('error', reject);
        response.once('end', () => {
          if (response.statusCode === status && answer.test(text)) resolve();
          else reject(new Error(`${response.statusCode} ${text}`));
        });
      });
      asked.end(JSON.stringify(body));
    });
  }
}

const PROCESS_START = /^process_start_time_seconds\{process="([^"]+)"\} (\S+)/m;

/** When the process of this name that serves now began. Processes share the port: connections are made until it is met. */
export function startTimeIn(stack: Stack, name: string, timeoutMs: number): Promise<string> {
  const met = async (): Promise<string | undefined> => {
    const response = await fetch(`${stack.dataPlane}/metrics`, { headers: { connection: 'close' } });
    const [, process, startedAt] = PROCESS_START.exec(z.string().parse(await response.text())) ?? [];
    return process === name ? startedAt : undefined;
  };
  return waitFor(met, { timeoutMs, what: `${name} to be met` });
}
