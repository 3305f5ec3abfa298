import { expect, it } from 'vitest';
import { createRandom, type Random } from '../oracle/random.js';
import { CATALOG_OUTBOX_KEY } from '../store/keys.js';
import type { RedisCatalogView } from './cache.js';
import { canonicalJson } from './canonical.js';
import { CLASSES_KEY, indexKey } from './catalog-keys.js';
import { parseClassKey } from './classes.js';
import { parseCatalog } from './document.js';
import { storedText } from './objects.js';
import { type CatalogBench, useCatalogBench } from './testing.js';
import type { Author } from './writer.js';

/** The catalog as it should be: what the scripts keep in ten keys, in one map. */
class Model {
  readonly objects = new Map<string, { owner: string; text: string }>();
  version = 0;
  changes = 0;

  ids(type: string): string[] {
    const prefix = `${type}:`;
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
  }

  /** Takes the edits if they may be made and nothing is left that refers to nothing. @returns how many there were. */
  write(owner: string, edits: ReadonlyMap<string, string | null>): number | undefined {
    const after = new Map(this.objects);
    let changed = 0;
    for (const [key, text] of edits) {
      const now = after.get(key);
      if (now !== undefined && now.owner !== owner) return undefined;
      if ((now?.text ?? null) === text) continue;
      changed += 1;
      if (text === null) after.delete(key);
      else after.set(key, { owner, text });
    }
    for (const [key, { text }] of after) {
      const plan: unknown = key.startsWith('customer:') ? Object(JSON.parse(text)).plan : undefined;
      if (plan !== undefined && !after.has(`plan:${plan}`)) return undefined;
    }
    if (changed === 0) return 0;
    this.objects.clear();
    for (const [key, object] of after) this.objects.set(key, object);
    this.version += 1;
    this.changes += changed;
    return changed;
  }
}

const PLANS = ['a', 'b', 'c'];
const planText = (id: string, name: string): string => canonicalJson({ id, name, features: {} });
const customerText = (id: string, plan: string): string =>
  storedText('customer', { id, plan, addons: [], timezone: 'UTC', status: 'active' });

/** What a source brings: mostly little, at times more than one call of a script takes, seldom what cannot be. */
function randomDocument(random: Random, source: number, model: Model): Map<string, string> {
  const objects = new Map<string, string>();
  for (const id of PLANS) {
    if (random.chance(source === 1 ? 0.95 : 0.03)) objects.set(`plan:${id}`, planText(id, random.pick(['x', 'y'])));
  }
  const plans = random.chance(0.9) ? [...model.ids('plan'), ...(source === 1 ? ['a'] : [])] : PLANS;
  const count = plans.length === 0 ? 0 : random.chance(0.3) ? random.int(1_100, 2_300) : random.int(0, 8);
  for (let n = 0; n < count; n++) {
    const id = random.chance(0.0002) ? 'shared' : `${source}-${n}`;
    objects.set(`customer:${id}`, customerText(id, random.pick(plans)));
  }
  return objects;
}

async function compare(bench: CatalogBench, model: Model, view: RedisCatalogView, random: Random): Promise<void> {
  expect(await view.catchUp()).toBe(model.version);
  expect(await bench.fenceOf('s01')).toMatchObject({ version: model.version });
  const { redis, registry } = bench;
  for (const type of ['plan', 'customer'] as const) {
    const ids = model.ids(type).sort();
    expect(await redis.zrange(indexKey(type), '0', '-1')).toEqual(ids);
    const stored = new Map<string, string>();
    for await (const page of registry.store.scan(type)) {
      for (const [id, { owner, text }] of page) stored.set(id, `${owner} ${text}`);
    }
    for (const id of ids) {
      const object = model.objects.get(`${type}:${id}`);
      expect(stored.get(id)).toBe(`${object?.owner} ${object?.text}`);
    }
    expect(stored.size).toBe(ids.length);
  }
  for (const id of PLANS) expect(canonicalOf(view.plan(id))).toBe(model.objects.get(`plan:${id}`)?.text);
  for (let look = 0; look < 20; look++) {
    const id = `${random.int(1, 3)}-${random.int(0, 2_300)}`;
    const customer = view.customer(id) ?? (await view.loadCustomer(id));
    expect(customer ? storedText('customer', customer) : undefined).toBe(model.objects.get(`customer:${id}`)?.text);
  }
  const classes = new Map<string, number>();
  for (const [key, { owner, text }] of model.objects) {
    if (!key.startsWith('customer:')) continue;
    const name = `${owner} ${Object(JSON.parse(text)).plan}`;
    classes.set(name, (classes.get(name) ?? 0) + 1);
  }
  const counted = Object.entries(await redis.hgetall(CLASSES_KEY)).map(([key, count]): [string, number] => {
    const { owner, plan } = parseClassKey(key);
    return [`${owner} ${plan}`, Number(count)];
  });
  expect(new Map(counted)).toEqual(classes);
  expect(await redis.xlen(CATALOG_OUTBOX_KEY)).toBe(model.changes);
}

const canonicalOf = (body: object | undefined): string | undefined =>
  body === undefined ? undefined : canonicalJson(body);

const bench = useCatalogBench();

it.each([1, 2, 3])('any history of three sources leaves what a plain model has (seed %i)', async (seed) => {
  const random = createRandom(seed);
  const { registry, openView } = bench();
  await registry.initialise({ shards: 2 });
  const view = await openView();
  const model = new Model();
  for (let step = 0; step < 40; step++) {
    const source = random.int(1, 3);
    const author: Author = { owner: `source-${source}`, actor: 'test' };
    if (random.chance(0.5)) {
      const document = randomDocument(random, source, model);
      const edits = new Map<string, string | null>(document);
      for (const [key, { owner }] of model.objects) {
        if (owner === author.owner && !document.has(key)) edits.set(key, null);
      }
      const section = (type: string): string =>
        [...document].flatMap(([key, text]) => (key.startsWith(type) ? [`  - ${text}\n`] : [])).join('');
      const text = `plans:\n${section('plan:')}customers:\n${section('customer:')}`;
      const outcome = await registry.apply(parseCatalog(text), author);
      const changed = model.write(author.owner, edits);
      const expected = changed === undefined ? 'refused' : changed === 0 ? 'unchanged' : 'applied';
      expect(outcome.status, `seed ${seed} step ${step}`).toBe(expected);
    } else {
      const key = random.chance(source === 1 ? 0.5 : 0.1)
        ? `plan:${random.pick(PLANS)}`
        : `customer:${source}-${random.int(0, 6)}`;
      const [type, id = ''] = key.split(':');
      const text = type === 'plan' ? planText(id, random.pick(['x', 'y', 'z'])) : customerText(id, random.pick(PLANS));
      const isDelete = random.chance(0.3);
      const as = type === 'plan' ? 'plan' : 'customer';
      const body: unknown = JSON.parse(text);
      const write = isDelete ? registry.deleteObject(as, id, author) : registry.putObject(as, id, body, author);
      const made = await write.then(
        () => true,
        () => false,
      );
      const may = !isDelete || model.objects.has(key);
      const expected = may && model.write(author.owner, new Map([[key, isDelete ? null : text]])) !== undefined;
      expect(made, `seed ${seed} step ${step} ${key}`).toBe(expected);
    }
    await compare(bench(), model, view, random);
  }
});
