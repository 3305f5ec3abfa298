import type { Request } from 'autocannon';
import { LOAD_EVENT_TYPE, LOAD_FEATURE } from './catalog.js';
import { type AskedCheck, DIALECTS } from './dialects.js';
import type { LoadJob, Workload } from './job.js';
import type { Tally } from './tally.js';

/** Checks in one request of `batch`, events in one of `ingest`. */
export const BATCH_CHECKS = 100;
export const INGEST_EVENTS = 500;
/** Bodies of `ingest` that are kept; each is sent again and again under new ids. */
const INGEST_BODIES = 8;
/** Digits of the number that makes the ids of one sending its own. */
const SENDING_DIGITS = 8;

/** What one request of a workload decides; a hold and its commit are one decision. */
const DECISIONS: Readonly<Record<Workload, number>> = {
  single: 1,
  batch: BATCH_CHECKS,
  reserve: 0.5,
  ingest: INGEST_EVENTS,
  exact: 1,
};

export const decisionsIn = (requests: number, workload: Workload): number =>
  Math.floor(Math.max(0, requests) * DECISIONS[workload]);

/** The largest amount that one request of a job can charge. */
export function largestAmount({ workload, amounts }: Pick<LoadJob, 'workload' | 'amounts'>): number {
  return workload === 'exact' ? Math.max(...amounts) : Math.max(1, DECISIONS[workload]) * AMOUNTS;
}

/** Amounts 1 to 3, so that a lost or doubled charge does not hide in a count. */
const AMOUNTS = 3;
const amountAt = (index: number): number => 1 + (index % AMOUNTS);

/** The checks of the n-th batch: customers in turn, all of them different. The script's baseline takes the same. */
export function batchAt(customers: readonly string[], batch: number, size: number): AskedCheck[] {
  return Array.from({ length: size }, (_, place) => {
    const index = batch * size + place;
    return { customer: customers[index % customers.length] ?? '', amount: amountAt(index) };
  });
}

/** Batches until the customers come around. */
export const batchCount = (customers: number): number => Math.max(1, Math.ceil(customers / BATCH_CHECKS));

/**
 * All requests of a job, made beforehand, in groups that belong on one connection one after the other; their answers go
 * into the tally.
 */
export function buildRequests(job: LoadJob, tally: Tally): Request[][] {
  const { customers } = job;
  switch (job.workload) {
    case 'single':
      return customers.map((customer, index) => [checkRequest(job, tally, { customer, amount: amountAt(index) })]);
    case 'exact':
      return customers.flatMap((customer) =>
        job.amounts.map((amount) => [checkRequest(job, tally, { customer, amount })]),
      );
    case 'batch':
      return Array.from({ length: batchCount(customers.length) }, (_, batch) => [
        batchRequest(job, tally, batchAt(customers, batch, BATCH_CHECKS)),
      ]);
    case 'reserve': {
      const holds = { count: 0 };
      return customers.map((customer, index) => pairRequests(job, tally, { customer, amount: amountAt(index) }, holds));
    }
    case 'ingest': {
      const sendings = { count: 0 };
      return Array.from({ length: INGEST_BODIES }, (_, batch) => [
        eventsRequest(job, tally, batchAt(customers, batch, INGEST_EVENTS), sendings),
      ]);
    }
  }
}

/**
 * The requests of one connection: a share of its own, so that not all ask for the same customer at the same time; where
 * there are too few for that, copies of all of them, beginning elsewhere.
 */
export function shareOf(groups: readonly (readonly Request[])[], connection: number, connections: number): Request[] {
  if (groups.length >= connections) return groups.filter((_, index) => index % connections === connection).flat();
  const first = connection % groups.length;
  return [...groups.slice(first), ...groups.slice(0, first)].flat().map((request) => ({ ...request }));
}

/** The n-th check of a workload that draws on many customers. */
export function checkAt(customers: readonly string[], index: number): AskedCheck {
  return { customer: customers[index % customers.length] ?? '', amount: amountAt(index) };
}

/** Writes a request that goes out without autocannon. */
export function requestWriter(job: LoadJob): (path: string, body: string) => string {
  const fields = { host: new URL(job.baseUrl).host, ...headers(job, 'application/json') };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = ` HTTP/1.1\r\n${lines.join('')}content-length: `;
  return (path, body) => `POST ${path}${head}${body.length}\r\n\r\n${body}`;
}

function headers(job: LoadJob, contentType: string): Record<string, string> {
  return { authorization: `Bearer ${job.key}`, 'content-type': contentType };
}

const checkBody = ({ customer, amount }: AskedCheck) => ({ customer, feature: LOAD_FEATURE, amount });

function checkRequest(job: LoadJob, tally: Tally, asked: AskedCheck): Request {
  const dialect = DIALECTS[job.dialect];
  return {
    method: 'POST',
    path: dialect.path,
    headers: headers(job, 'application/json'),
    body: dialect.body(asked, job.quota),
    onResponse: (status, body) => tally.check(asked, status, body),
  };
}

/** A hold under an id of its own, and its commit: more is held than is charged, as before a call of unknown cost. */
function pairRequests(job: LoadJob, tally: Tally, asked: AskedCheck, holds: { count: number }): Request[] {
  const { customer, amount } = asked;
  const hold = JSON.stringify({ customer, feature: LOAD_FEATURE, amount: AMOUNTS }).slice(1);
  const charge = JSON.stringify({ customer, amount });
  const sent = headers(job, 'application/json');
  const post = (path: string, body: string, onResponse: Request['onResponse']): Request => ({
    method: 'POST',
    path,
    headers: sent,
    body,
    onResponse,
  });
  const onHeld: Request['onResponse'] = (status, body) => tally.hold(status, body);
  const onCommitted: Request['onResponse'] = (status, body) => tally.commit(asked, status, body);
  return [
    {
      ...post('/v1/reservations', '', onHeld),
      setupRequest: (_, context) => {
        context.id = `${job.run}-${holds.count++}`;
        return post('/v1/reservations', `{"id":"${context.id}",${hold}`, onHeld);
      },
    },
    {
      ...post('', charge, onCommitted),
      setupRequest: (_, context) => post(`/v1/reservations/${context.id}/commit`, charge, onCommitted),
    },
  ];
}

function batchRequest(job: LoadJob, tally: Tally, asked: readonly AskedCheck[]): Request {
  return {
    method: 'POST',
    path: '/v1/check/batch',
    headers: headers(job, 'application/json'),
    body: JSON.stringify({ checks: asked.map(checkBody) }),
    onResponse: (status, body) => tally.batch(asked, status, body),
  };
}

/** Events whose ids are made anew in place for each sending: building half a million a second would be the bottleneck. */
function eventsRequest(job: LoadJob, tally: Tally, asked: readonly AskedCheck[], sendings: { count: number }): Request {
  const blank = '0'.repeat(SENDING_DIGITS);
  const events = asked.map(({ customer, amount }, index) => ({
    specversion: '1.0',
    id: `${job.run}-${blank}-${index}`,
    source: 'loadtest',
    type: LOAD_EVENT_TYPE,
    subject: customer,
    data: { units: amount },
  }));
  const body = Buffer.from(JSON.stringify(events));
  const places: number[] = [];
  const marker = `${job.run}-`;
  for (let at = body.indexOf(marker); at >= 0; at = body.indexOf(marker, at + 1)) places.push(at + marker.length);
  if (places.length !== asked.length) throw new Error(`${places.length} ids in ${asked.length} events`);
  return {
    method: 'POST',
    path: '/v1/events',
    headers: headers(job, 'application/cloudevents-batch+json'),
    body,
    setupRequest: (request) => {
      const number = String(sendings.count++).padStart(SENDING_DIGITS, '0');
      for (const place of places) body.write(number, place, 'latin1');
      return request;
    },
    onResponse: (status, text) => tally.events(asked, status, text),
  };
}
