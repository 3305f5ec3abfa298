import { CALLS, EVENT_TYPE, EXACT_CUSTOMERS, LOOSE_CUSTOMERS, UNITS } from './catalog.js';
import type { Dice } from './dice.js';
import type { Frame } from './frame.js';
import { type Fields, fieldsOf, mutateBytes, mutateFields, textOf } from './mutate.js';
import { pack } from './pack.js';

/** Requests that are HTTP, and whose content is seldom right. */

/** Of bodies: so many are left as they are, so that something is charged between the rest. */
const WHOLE = 0.12;
const BYTES_MUTATED = 0.3;
const BATCH_MAX = 12;
const JSON_TYPE = 'application/json';
const LINES_TYPE = 'application/x-ndjson';
const EVENT_TYPES = [
  JSON_TYPE,
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
  'application/json; charset=utf-8',
];
const ODD_TYPES = [
  'text/plain',
  'application/xml',
  'multipart/form-data; boundary=x',
  'application/json;;;',
  ' ',
  '*/*',
  'application/JSON',
  'a'.repeat(2_000),
];
const ODD_ENCODINGS = ['br', 'deflate', 'gzip, gzip', 'identity', 'GZIP', 'x-gzip', 'zstd', 'gzip;q=1'];

/** Makes the requests of one connection. */
export class RequestMaker {
  readonly #dice: Dice;
  readonly #name: string;
  readonly #key: string;
  readonly #host: string;
  #count = 0;

  /** @param name makes its ids differ from those of the other connections */
  constructor(dice: Dice, name: string, key: string, host: string) {
    this.#dice = dice;
    this.#name = name;
    this.#key = key;
    this.#host = host;
  }

  next(): Frame {
    this.#count += 1;
    const roll = this.#dice.below(100);
    if (roll < 34) return this.#check();
    if (roll < 42) return this.#batch();
    if (roll < 70) return this.#events();
    if (roll < 78) return this.#reservation();
    if (roll < 84) return this.#gate();
    if (roll < 90) return this.#binaryEvent();
    return this.#address();
  }

  /** A good check, for floods and to see that the gateway still answers. */
  goodCheck(customer: string): Frame {
    this.#count += 1;
    return this.#frame('check', 'POST', '/v1/check', customer, textOf(fieldsOf({ customer, feature: CALLS })));
  }

  /** A good event. */
  goodEvent(customer: string): Frame {
    this.#count += 1;
    return this.#frame('event', 'POST', '/v1/events', customer, textOf(this.#event(customer)));
  }

  #id(): string {
    return this.#dice.chance(0.03)
      ? `${this.#name}-again`
      : `${this.#name}-${this.#count}-${this.#dice.below(1_000_000)}`;
  }

  #checkFields(customer: string): Fields {
    const dice = this.#dice;
    return fieldsOf({
      customer,
      feature: dice.pick([CALLS, CALLS, CALLS, UNITS, 'sso', 'seats', 'nothing']),
      amount: dice.chance(0.5) ? dice.below(1_000) : undefined,
      id: dice.chance(0.3) ? this.#id() : undefined,
      dryRun: dice.chance(0.1) ? true : undefined,
      entity: dice.chance(0.03) ? 'nobody' : undefined,
      dimensions: dice.chance(0.1) ? { model: 'small' } : undefined,
    });
  }

  #event(customer: string): Fields {
    const dice = this.#dice;
    return fieldsOf({
      specversion: '1.0',
      id: this.#id(),
      source: dice.chance(0.5) ? 'fuzz' : undefined,
      type: EVENT_TYPE,
      subject: customer,
      time: dice.chance(0.2) ? new Date(Date.now() - dice.below(86_400_000)).toISOString() : undefined,
      data: { units: dice.chance(0.8) ? dice.below(1_000) : '0.125', model: 'small' },
    });
  }

  /** Some of the fields mutated, then some of the text: JSON, or no longer. */
  #text(fields: Fields): string {
    const dice = this.#dice;
    if (dice.chance(WHOLE)) return textOf(fields);
    // An event's amounts lie one level down.
    const inner = fields.find(([name]) => name === 'data');
    if (inner !== undefined && dice.chance(0.3)) {
      const data = textOf(mutateFields(fieldsOf({ units: 5, model: 'large' }), dice));
      return textOf(fields.map(([name, value]) => [name, name === 'data' ? data : value]));
    }
    return textOf(mutateFields(fields, dice));
  }

  #check(): Frame {
    const customer = this.#dice.pick(EXACT_CUSTOMERS);
    return this.#frame('check', 'POST', '/v1/check', customer, this.#text(this.#checkFields(customer)));
  }

  #batch(): Frame {
    const dice = this.#dice;
    const customer = dice.pick(EXACT_CUSTOMERS);
    const checks = Array.from({ length: dice.below(BATCH_MAX) }, () =>
      dice.chance(0.5) ? textOf(this.#checkFields(customer)) : this.#text(this.#checkFields(customer)),
    );
    const fields: Fields = [
      ['checks', `[${checks.join(',')}]`],
      ...(dice.chance(0.3) ? ([['atomic', 'true']] as const) : []),
    ];
    const text = dice.chance(0.8) ? textOf(fields) : this.#text(fields);
    return this.#frame('batch', 'POST', '/v1/check/batch', customer, text);
  }

  #events(): Frame {
    const dice = this.#dice;
    const customer = dice.pick(EXACT_CUSTOMERS);
    const roll = dice.below(10);
    if (roll < 4)
      return this.#frame(
        'event',
        'POST',
        '/v1/events',
        customer,
        this.#text(this.#event(customer)),
        dice.pick(EVENT_TYPES),
      );
    const events = Array.from({ length: dice.below(BATCH_MAX) }, () =>
      dice.chance(0.4) ? textOf(this.#event(customer)) : this.#text(this.#event(customer)),
    );
    if (roll < 7)
      return this.#frame('events', 'POST', '/v1/events', customer, `[${events.join(',')}]`, dice.pick(EVENT_TYPES));
    if (roll < 9) {
      const ends = dice.pick(['\n', '\r\n', '\n\n', '\u2028', '\n ', '\r']);
      return this.#frame('event lines', 'POST', '/v1/events', customer, events.join(ends), LINES_TYPE);
    }
    const loose = dice.pick(LOOSE_CUSTOMERS);
    return this.#frame('events of the alias', 'POST', '/api/v1/events', loose, this.#text(this.#event(loose)));
  }

  #reservation(): Frame {
    const dice = this.#dice;
    const customer = dice.pick(LOOSE_CUSTOMERS);
    const id = `${this.#name}-hold-${Math.floor(this.#count / 40)}`;
    const amount = dice.below(100);
    const [path, fields] = dice.pick([
      [
        '/v1/reservations',
        { id, customer, feature: dice.pick([CALLS, UNITS, 'sso']), amount, ttlMs: 1 + dice.below(60_000) },
      ],
      [`/v1/reservations/${encodeURIComponent(id)}/commit`, { customer, amount }],
      [`/v1/reservations/${encodeURIComponent(id)}/release`, { customer }],
      [`/v1/reservations/${encodeURIComponent(id)}/heartbeat`, { customer, ttlMs: 1 + dice.below(60_000) }],
    ] as const);
    const text = dice.chance(0.4) ? textOf(fieldsOf(fields)) : this.#text(fieldsOf(fields));
    return this.#frame('reservation', 'POST', path, customer, text);
  }

  #gate(): Frame {
    const dice = this.#dice;
    const customer = dice.pick(LOOSE_CUSTOMERS);
    const path = dice.pick(['/v1/gate', '/v1/gate/', '/v1/gate/any/where', '/v1/gate//']);
    const value = () =>
      dice.pick(['1', '0', '-1', '', '%ff', '%00', 'x'.repeat(300), '1&amount=2', 'a%0d%0ab', '%E2%98%83', '1.5']);
    const query = dice.chance(0.5)
      ? `?customer=${customer}&feature=${CALLS}&amount=${value()}`
      : `?customer=${value()}&deny=${dice.pick(['403', '429', '', '5', value()])}`;
    const headers = dice.chance(0.5)
      ? [
          `x-weir-customer: ${customer}`,
          `x-weir-feature: ${dice.pick([CALLS, 'sso', 'nothing', value()])}`,
          `x-weir-amount: ${dice.pick(['1', '-1', 'x', '1e400', ''])}`,
        ]
      : [];
    const method = dice.pick(['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH']);
    return this.#frame('gate', method, path, customer, '', undefined, { query, headers });
  }

  /** An event in binary mode: attributes in headers, the data in the body. */
  #binaryEvent(): Frame {
    const dice = this.#dice;
    const customer = dice.pick(EXACT_CUSTOMERS);
    const attributes: [string, string][] = [
      ['specversion', '1.0'],
      ['id', this.#id()],
      ['type', EVENT_TYPE],
      ['subject', customer],
      ['source', 'fuzz'],
    ];
    const place = dice.below(attributes.length * 2);
    const odd = dice.pick(['', '%ff', '%00', '%zz', 'x'.repeat(500), '\u00e9', '"', '%F0%9F%92%A5', '1.1']);
    const headers = attributes.map(([name, value], index) => `ce-${name}: ${index === place ? odd : value}`);
    const data = this.#text(fieldsOf({ units: dice.below(100), model: 'small' }));
    const type = dice.chance(0.8) ? JSON_TYPE : dice.pick(ODD_TYPES);
    return this.#frame('binary event', 'POST', '/v1/events', customer, data, type, { headers });
  }

  /** Addresses, methods and keys, right and wrong. */
  #address(): Frame {
    const dice = this.#dice;
    const customer = dice.pick(LOOSE_CUSTOMERS);
    const part = () =>
      dice.pick([
        customer,
        'nobody',
        '%00',
        '%',
        '%zz',
        '%ff',
        '%2e%2e',
        '..',
        '.',
        'a'.repeat(300),
        '%F0%9F%92%A5',
        'a;b',
        "a'b",
        '%252e',
        '',
      ]);
    const path = dice.pick([
      `/v1/customers/${part()}/usage`,
      `/v1/customers/${part()}/entitlements`,
      '/healthz',
      '/readyz',
      '/openapi.json',
      '/',
      '//',
      `/${part()}`,
      `/v1/${part()}`,
      '/v1/check',
      '/v1/check/',
      '/v1/CHECK',
      '/v1/check/batch/x',
      '/v1/events',
      `/v1/reservations/${part()}/commit`,
      '*',
      '/v1/customers//usage',
    ]);
    const query = dice.pick([
      '',
      '',
      '?',
      '?entity=',
      `?entity=${part()}`,
      '?a=1',
      '?entity=a&entity=b',
      '?%ff=%00',
      '?__proto__=1',
      `?${'a=b&'.repeat(200)}`,
      '??',
      '?#',
    ]);
    const method = dice.pick([
      'GET',
      'GET',
      'HEAD',
      'POST',
      'PUT',
      'DELETE',
      'PATCH',
      'OPTIONS',
      'BREW',
      'PROPFIND',
      'get',
    ]);
    const key = dice.pick([
      this.#key,
      this.#key,
      this.#key,
      '',
      'wrong',
      'k'.repeat(4_000),
      '\u00e9',
      this.#key.slice(1),
    ]);
    return this.#frame('address', method, path, customer, '', undefined, { query, key });
  }

  #frame(
    kind: string,
    method: string,
    path: string,
    customer: string,
    text: string,
    type: string = JSON_TYPE,
    { query = '', headers = [], key = this.#key }: { query?: string; headers?: readonly string[]; key?: string } = {},
  ): Frame {
    const dice = this.#dice;
    let body: Buffer = Buffer.from(text);
    const odd = kind !== 'gate' && kind !== 'address';
    if (odd && dice.chance(BYTES_MUTATED)) body = mutateBytes(body, dice);
    const lines = [`${method} ${path}${query} HTTP/1.1`, `host: ${this.#host}`];
    if (key !== '') lines.push(dice.chance(0.5) ? `authorization: Bearer ${key}` : `x-weir-key: ${key}`);
    lines.push(...headers);
    if (body.length > 0 || method === 'POST')
      lines.push(`content-type: ${odd && dice.chance(0.03) ? dice.pick(ODD_TYPES) : type}`);
    let sent: Buffer = body;
    let kindOf = kind;
    if (odd && dice.chance(0.08)) {
      sent = pack(body, dice);
      lines.push('content-encoding: gzip');
      kindOf = `${kind}, gzip`;
    } else if (odd && dice.chance(0.02)) lines.push(`content-encoding: ${dice.pick(ODD_ENCODINGS)}`);
    if (sent.length > 0 || method === 'POST' || method === 'PUT') lines.push(`content-length: ${sent.length}`);
    const bytes = Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), sent]);
    return { kind: kindOf, method, path, customer, body: body.toString(), bytes };
  }
}
