import { LOOSE_CUSTOMERS } from './catalog.js';
import type { Dice } from './dice.js';
import type { Assault } from './frame.js';
import { mutateBytes } from './mutate.js';
import type { RequestMaker } from './requests.js';

/** Attacks on HTTP itself, each on a connection of its own. */

const QUIET_MS = 60;
const SLOW_MS = 15_000;
/** Sent one by one, and then nothing more. */
const TRICKLE_BYTES = 16;
/** More than the parser keeps of a head. */
const HUGE_HEAD_BYTES = 20_000;
const FLOOD_MAX = 60;

const REQUEST_LINES = [
  'GET  /healthz HTTP/1.1',
  'GET /healthz',
  'GET /healthz HTTP/1.0',
  'GET /healthz HTTP/2.0',
  'GET /healthz HTTP/9.9',
  'GET /healthz HTTP/1.1 ',
  ' GET /healthz HTTP/1.1',
  'GET\t/healthz\tHTTP/1.1',
  'GET healthz HTTP/1.1',
  'GET http://other/healthz HTTP/1.1',
  'CONNECT other:443 HTTP/1.1',
  'GET * HTTP/1.1',
  'OPTIONS * HTTP/1.1',
  'GET /\u0000 HTTP/1.1',
  'GET /healthz\u0000 HTTP/1.1',
  '\u0000\u0000\u0000',
  'GET /%',
  'HTTP/1.1 200 OK',
  '',
  ' ',
  'GET',
  'G\u0000T /healthz HTTP/1.1',
  'G@T /healthz HTTP/1.1',
  `${'M'.repeat(5_000)} /healthz HTTP/1.1`,
  `GET /${'a'.repeat(9_000)} HTTP/1.1`,
  'PRI * HTTP/2.0',
  'GET /healthz HTTP/1.1\nhost: x',
  'GET /healthz http/1.1',
  'GET /healthz HTTP/1,1',
  'GET /hea\u00ffthz HTTP/1.1',
  'GET /healthz#a HTTP/1.1',
  'QUIT',
  'PROXY TCP4 1.2.3.4 5.6.7.8 1 2',
  'POST /v1/check HTTP/1.1',
];
const HEADER_LINES = [
  ': x',
  'a',
  'a b: c',
  'a : b',
  ' a: b',
  '\ta: b',
  'a:',
  'a: \u0000',
  'a\u0000: b',
  'a: b\n c: d',
  'a: b\rc: d',
  'host: y',
  'a: \u00ff\u00fe',
  'a: b\r\n folded',
  `a: ${'b'.repeat(5_000)}`,
  `${'a'.repeat(5_000)}: b`,
  'content-length: 0',
  'content-length: -1',
  'content-length: 1e3',
  'content-length: 0x10',
  'content-length: 99999999999999999999',
  'content-length: 5, 5',
  'content-length: ',
  'content-length: 5 5',
  'content-length: +5',
  'content-length: 5\r\ncontent-length: 6',
  'transfer-encoding: chunked',
  'transfer-encoding: gzip, chunked',
  'transfer-encoding: identity',
  'transfer-encoding: chunked, chunked',
  'transfer-encoding: \u000bchunked',
  'transfer-encoding : chunked',
  'Transfer-Encoding: CHUNKED',
  'transfer-encoding: x\r\ntransfer-encoding: chunked',
  'expect: 100-continue',
  'expect: 200-ok',
  'upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13',
  'upgrade: h2c\r\nconnection: upgrade, http2-settings',
  'connection: close',
  'connection: keep-alive, close',
  'x-forwarded-for: \u0000',
  'forwarded: for="[::1"',
  'cookie: a=b; =; ;',
  'range: bytes=0-',
  'trailer: x',
  'te: trailers, chunked',
  `x-many: ${'a,'.repeat(2_000)}`,
];
const CHUNK_HEADS = [
  '5',
  '0',
  'ffffffffffffffff',
  '10000000000000000',
  '-1',
  '5;ext=1',
  '5;ext="\r\n"',
  ' 5',
  '5 ',
  '0x5',
  'g',
  '',
  '00000005',
  '7fffffff',
  '5\n',
  '\u0000',
  '5;'.concat('a'.repeat(5_000)),
];
/** First bytes of other protocols. */
const FOREIGN = [
  Buffer.from('16030100f1010000ed0303', 'hex'),
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u0000\u0000\u0000\u0004'),
  Buffer.from('0d0a0d0a000d0a515549540a2111000c', 'hex'),
  Buffer.from('*1\r\n$4\r\nPING\r\n'),
  Buffer.from('SSH-2.0-x\r\n'),
  Buffer.from('{"customer":"x"}'),
  Buffer.from('\r\n\r\n\r\n'),
  Buffer.alloc(3_000, 0),
  Buffer.alloc(3_000, 0xff),
  Buffer.from('EHLO x\r\n'),
  Buffer.from('1f8b0800', 'hex'),
];

/** Makes the attacks of one attacker. */
export class AssaultMaker {
  readonly #dice: Dice;
  readonly #requests: RequestMaker;
  readonly #host: string;
  readonly #key: string;

  constructor(dice: Dice, requests: RequestMaker, key: string, host: string) {
    this.#dice = dice;
    this.#requests = requests;
    this.#key = key;
    this.#host = host;
  }

  next(): Assault {
    const dice = this.#dice;
    const customer = dice.pick(LOOSE_CUSTOMERS);
    const roll = dice.below(100);
    if (roll < 16) return this.#lines(customer);
    if (roll < 34) return this.#headers(customer);
    if (roll < 46) return this.#chunked(customer);
    if (roll < 62) return this.#torn(customer);
    if (roll < 76) return this.#flipped(customer);
    if (roll < 84) return this.#flood(customer);
    if (roll < 90) return this.#lengths(customer);
    if (roll < 94) return this.#hugeHead(customer);
    return this.#make('another protocol', customer, [Buffer.concat([dice.pick(FOREIGN), dice.bytes(dice.below(60))])]);
  }

  /** A body that stops, one that trickles, or a head that never ends: what times out. */
  slow(): Assault {
    const dice = this.#dice;
    const customer = dice.pick(LOOSE_CUSTOMERS);
    const whole = this.#requests.goodEvent(customer).bytes;
    const cut = dice.pick([10, 40, whole.length - 1, whole.length - 20]);
    const rest = whole.subarray(cut, cut + TRICKLE_BYTES);
    const pieces = dice.chance(0.5)
      ? [whole.subarray(0, cut)]
      : [whole.subarray(0, cut), ...[...rest].map((_, index) => rest.subarray(index, index + 1))];
    return { ...this.#make('slow sender', customer, pieces), pauseMs: 700, patienceMs: SLOW_MS, answers: 1 };
  }

  #make(kind: string, customer: string, pieces: readonly Buffer[], frames = 1): Assault {
    const dice = this.#dice;
    const ending = dice.pick(['wait', 'wait', 'wait', 'half-close', 'abort'] as const);
    return {
      kind,
      customer,
      frames,
      pieces: dice.chance(0.8) ? pieces : torn(pieces, dice),
      pauseMs: 0,
      ending,
      patienceMs: QUIET_MS,
      answers: frames,
    };
  }

  #head(line: string, headers: readonly string[]): Buffer {
    return Buffer.from(
      `${[line, `host: ${this.#host}`, `x-weir-key: ${this.#key}`, ...headers].join('\r\n')}\r\n\r\n`,
      'latin1',
    );
  }

  #lines(customer: string): Assault {
    const ends = this.#dice.pick(['\r\n', '\r\n', '\n', '\r', '\r\n\r\n']);
    const bytes = Buffer.from(`${this.#dice.pick(REQUEST_LINES)}${ends}host: ${this.#host}${ends}${ends}`, 'latin1');
    return this.#make('request line', customer, [bytes]);
  }

  #headers(customer: string): Assault {
    const dice = this.#dice;
    const odd = Array.from({ length: 1 + dice.below(3) }, () => dice.pick(HEADER_LINES));
    const line = dice.pick([
      'GET /healthz HTTP/1.1',
      'POST /v1/check HTTP/1.1',
      'POST /v1/events HTTP/1.1',
      'GET /v1/gate HTTP/1.1',
    ]);
    const body = Buffer.from(JSON.stringify({ customer, feature: 'calls' }));
    if (dice.chance(0.5)) odd.push(`content-length: ${body.length}`);
    return this.#make('header', customer, [this.#head(line, odd), ...(dice.chance(0.6) ? [body] : [])]);
  }

  #chunked(customer: string): Assault {
    const dice = this.#dice;
    const body = Buffer.from(JSON.stringify({ customer, feature: 'calls' }));
    const cut = dice.below(body.length);
    const parts = [body.subarray(0, cut), body.subarray(cut)].map((part) => [part.length.toString(16), part] as const);
    const chunks = parts.map(([size, part]) =>
      Buffer.concat([
        Buffer.from(`${dice.chance(0.5) ? size : dice.pick(CHUNK_HEADS)}\r\n`, 'latin1'),
        part,
        Buffer.from(dice.chance(0.8) ? '\r\n' : ''),
      ]),
    );
    const last = Buffer.from(
      dice.pick(['0\r\n\r\n', '0\r\n\r\n', '0\r\nx: y\r\n\r\n', '0\n\n', '', '0\r\n', '00\r\n\r\n', '0;a\r\n\r\n']),
    );
    const headers = ['transfer-encoding: chunked', ...(dice.chance(0.3) ? [`content-length: ${dice.below(100)}`] : [])];
    const path = dice.pick(['/v1/check', '/v1/events', '/v1/check/batch', '/v1/gate', '/healthz']);
    return this.#make('chunked', customer, [this.#head(`POST ${path} HTTP/1.1`, headers), ...chunks, last]);
  }

  /** A good request that stops somewhere. */
  #torn(customer: string): Assault {
    const dice = this.#dice;
    const { bytes } = dice.chance(0.5) ? this.#requests.goodCheck(customer) : this.#requests.goodEvent(customer);
    return this.#make('aborted upload', customer, [bytes.subarray(0, 1 + dice.below(bytes.length - 1))]);
  }

  #flipped(customer: string): Assault {
    const dice = this.#dice;
    let bytes = this.#requests.goodEvent(customer).bytes;
    for (let count = 1 + dice.below(4); count > 0; count--) bytes = mutateBytes(bytes, dice);
    return this.#make('mutated bytes', customer, [bytes]);
  }

  /** Many requests at once on one connection, good and bad. */
  #flood(customer: string): Assault {
    const dice = this.#dice;
    const frames = 2 + dice.below(FLOOD_MAX);
    const health = this.#head('GET /healthz HTTP/1.1', []);
    const pieces = Array.from({ length: frames }, () => {
      if (dice.chance(0.7)) return health;
      const bytes = this.#requests.goodEvent(customer).bytes;
      return dice.chance(0.7) ? bytes : mutateBytes(bytes, dice);
    });
    return this.#make('pipelined flood', customer, [Buffer.concat(pieces)], frames);
  }

  /** A length that is not the body's. */
  #lengths(customer: string): Assault {
    const dice = this.#dice;
    const body = Buffer.from(JSON.stringify({ customer, feature: 'calls' }));
    const length = dice.pick([
      0,
      1,
      body.length - 1,
      body.length + 1,
      65_537,
      1_048_577,
      11_000_000,
      4_294_967_296,
      Number.MAX_SAFE_INTEGER,
    ]);
    const path = dice.pick(['/v1/check', '/v1/events', '/v1/check/batch']);
    return this.#make('wrong length', customer, [
      this.#head(`POST ${path} HTTP/1.1`, [`content-length: ${length}`]),
      body,
    ]);
  }

  #hugeHead(customer: string): Assault {
    const dice = this.#dice;
    const many = dice.chance(0.5);
    const headers = many
      ? Array.from({ length: dice.below(2_000) }, (_, index) => `x-${index}: y`)
      : [`x: ${'y'.repeat(dice.below(HUGE_HEAD_BYTES))}`];
    return this.#make('huge head', customer, [this.#head('GET /healthz HTTP/1.1', headers)]);
  }
}

/** The same bytes in other pieces. */
function torn(pieces: readonly Buffer[], dice: Dice): Buffer[] {
  const whole = Buffer.concat(pieces);
  const cut = dice.below(whole.length);
  return [whole.subarray(0, cut), whole.subarray(cut)].filter((piece) => piece.length > 0);
}
