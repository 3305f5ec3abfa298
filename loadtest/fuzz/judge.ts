import { ERRORS, type ErrorCode } from '../../engine/contract/errors.js';
import type { Answer } from './frame.js';

/** What uWebSockets.js answers by itself to what is no HTTP (docs/errors.md, "Not HTTP"). */
const PARSER_STATUSES = new Set([400, 431, 505]);
const PARSER_BODY = '<hr><i>uWebSockets/20 Server</i>';
const GATE_STATUSES = new Set([403, 429]);

/** Holds answers against what the documents promise. */
export class Judge {
  readonly #successes: ReadonlySet<number>;

  /** @param openApi the gateway's own document: it names the status of every success. */
  constructor(openApi: unknown) {
    this.#successes = successStatuses(openApi);
  }

  /** What is wrong with an answer; undefined: nothing. @param path of the request, undefined where it is not known */
  fault({ status, head, body }: Answer, path: string | undefined, bodiless: boolean): string | undefined {
    if (status < 400) return this.#successes.has(status) ? undefined : `status ${status} is not documented`;
    const text = body.toString();
    if (isByParser(status, head, text)) return undefined;
    // Ours are for outages, of which there are none here.
    if (status >= 500) return `status ${status}: ${text.slice(0, 300)}`;
    if (bodiless) return undefined;
    const answer = parse(text);
    if (answer === undefined) return `status ${status} without a JSON body: ${text.slice(0, 300)}`;
    const code = codeOf(answer);
    if (code !== undefined) {
      const { status: registered } = ERRORS[code];
      return registered === status ? undefined : `code ${code} has status ${registered}, not ${status}`;
    }
    const gate = (path === undefined || path.startsWith('/v1/gate')) && GATE_STATUSES.has(status);
    if (gate && 'allowed' in answer && answer.allowed === false) return undefined;
    return `status ${status} without a code of the registry: ${text.slice(0, 300)}`;
  }
}

/** The parser's answers have no headers of ours, and end their connection. */
function isByParser(status: number, head: string, text: string): boolean {
  if (!PARSER_STATUSES.has(status) || !/\r\nconnection: close/i.test(head)) return false;
  return !/\r\ncontent-type:/i.test(head) && (text === '' || text.endsWith(PARSER_BODY));
}

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function codeOf(answer: object): ErrorCode | undefined {
  const error: unknown = 'error' in answer ? answer.error : undefined;
  if (typeof error !== 'object' || error === null || !('code' in error) || !('docs' in error)) return undefined;
  const { code } = error;
  return typeof code === 'string' && isCode(code) && error.docs === `docs/errors.md#${code}` ? code : undefined;
}

const isCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);

/** 204 of `/api/v1/events`, an alias that the document leaves out, is among them by the gate. */
function successStatuses(openApi: unknown): ReadonlySet<number> {
  const statuses = new Set<number>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, inner] of Object.entries(value)) {
      if (name === 'responses') for (const status of Object.keys(inner)) statuses.add(Number(status));
      else visit(inner);
    }
  };
  visit(openApi);
  statuses.delete(Number.NaN);
  if (statuses.size === 0) throw new Error('the OpenAPI document names no status');
  return statuses;
}
