import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Lease, type LeaseStore } from './lease.js';

/** A store with revisions, as NATS keeps them; it can be cut off. */
class MemoryStore implements LeaseStore {
  entry: { value: Uint8Array; revision: number } | null = null;
  down = false;
  /** Times that it was asked. */
  gets = 0;

  async create(_key: string, value: Uint8Array): Promise<number> {
    if (this.down || this.entry !== null) throw new Error('refused');
    this.entry = { value, revision: 1 };
    return 1;
  }

  async update(_key: string, value: Uint8Array, revision: number): Promise<number> {
    if (this.down || this.entry?.revision !== revision) throw new Error('refused');
    this.entry = { value, revision: revision + 1 };
    return revision + 1;
  }

  async get(): Promise<{ value: Uint8Array; revision: number } | null> {
    this.gets += 1;
    if (this.down) throw new Error('no connection');
    return this.entry;
  }
}

const other = (note = ''): Uint8Array => Buffer.from(JSON.stringify({ holder: 'elsewhere#1#x', note }));

it('a lease is held from the moment it is taken, renewed, and handed on with its note', async () => {
  const store = new MemoryStore();
  const lease = await Lease.acquire({ store, key: 'sink', ttlMs: 60 });
  await lease.write('at 7');
  await delay(150);
  expect(lease.held).toBe(true);
  await lease.release();
  expect(lease.held).toBe(false);
  const next = await Lease.acquire({ store, key: 'sink', ttlMs: 60 });
  expect(next.note).toBe('at 7');
  await next.release();
});

it('a holder that renews keeps others out, and one that is silent for the whole term does not', async () => {
  const store = new MemoryStore();
  await store.create('sink', other('at 3'));
  const startedAt = performance.now();
  let renewals = 0;
  const renewing = setInterval(() => {
    if (store.entry !== null && renewals++ < 3) void store.update('sink', other('at 3'), store.entry.revision);
  }, 150);
  const waited: string[] = [];
  const lease = await Lease.acquire({ store, key: 'sink', ttlMs: 300, onWait: (holder) => waited.push(holder) });
  clearInterval(renewing);
  expect(performance.now() - startedAt).toBeGreaterThan(600);
  expect(waited).toEqual(['elsewhere#1#x']);
  expect(lease.note).toBe('at 3');
  await lease.release();
});

it('a lease that another took is lost, and so is one that cannot be renewed in its term', async () => {
  const store = new MemoryStore();
  const taken = await Lease.acquire({ store, key: 'sink', ttlMs: 90 });
  await store.update('sink', other(), store.entry?.revision ?? 0);
  await delay(60);
  expect(taken.held).toBe(false);
  await expect(taken.write('too late')).rejects.toThrow('is lost');
  await taken.release();

  const second = new MemoryStore();
  const cut = await Lease.acquire({ store: second, key: 'sink', ttlMs: 90 });
  second.down = true;
  await delay(120);
  expect(cut.held).toBe(false);
  await cut.release();
});

it('a process that could not give its lease up takes it again at once, and nobody else’s', async () => {
  const store = new MemoryStore();
  const cut = await Lease.acquire({ store, key: 'sink' });
  store.down = true;
  await cut.release();
  store.down = false;
  store.gets = 0;
  const next = await Lease.acquire({ store, key: 'sink' });
  expect(store.gets).toBe(1);

  const abort = new AbortController();
  const second = Lease.acquire({ store, key: 'sink', signal: abort.signal, onWait: () => abort.abort() });
  await expect(second).rejects.toThrow('abort');
  await next.release();
});

it('a holder whose process number is another process’s by now is gone', async () => {
  const store = new MemoryStore();
  const held = await Lease.acquire({ store, key: 'sink' });
  const { holder } = JSON.parse(Buffer.from(store.entry?.value ?? []).toString());
  const [machine, pid, start] = String(holder).split('#');
  expect(Number(start)).toBeGreaterThan(0);
  const before = `${machine}#${pid}#${Number(start) - 1}#x`;
  store.entry = { value: Buffer.from(JSON.stringify({ holder: before, note: '' })), revision: 7 };
  const next = await Lease.acquire({ store, key: 'sink' });
  expect(store.gets).toBe(2);
  await held.release();
  await next.release();
});
