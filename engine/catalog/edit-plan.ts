import { WeirError } from '../contract/errors.js';
import type { CatalogHead, CatalogStore } from './catalog-store.js';
import { checkAddon, checkClass, checkFeature, checkOwned, checkPlan, type Definitions } from './check.js';
import { classOf } from './classes.js';
import { definitionsOf, surroundingsOf } from './current.js';
import type { SourcedType } from './diff.js';
import { type BodyOf, DEFINITION_TYPES, isDefinition, parseObject, storedText } from './objects.js';
import { type Problem, refusal, requestRefusal } from './problems.js';
import type { ObjectChange, StoredText } from './stored.js';
import { describeOthers } from './validate.js';

/** One object to write, or to delete where `body` is null. */
export type Edit = {
  readonly [T in keyof BodyOf]: { readonly type: T; readonly id: string; readonly body: BodyOf[T] | null };
}[keyof BodyOf];

/**
 * The edit that an object of the API asks for; its id may be left out of it.
 * @throws WeirError `invalid_request` or `unknown_field` that names the first fault and lists all.
 */
export function editOf(type: SourcedType, id: string, input: unknown): Edit {
  const isObject = typeof input === 'object' && input !== null && !Array.isArray(input);
  const read = <T extends SourcedType>(as: T): BodyOf[T] => {
    const parsed = parseObject(as, isObject ? { id, ...input } : input);
    if (!parsed.ok) throw requestRefusal(parsed.problems);
    if (parsed.body.id === id) return parsed.body;
    throw requestRefusal([{ path: ['id'], message: 'is not the id of the address' }]);
  };
  switch (type) {
    case 'meter':
      return { type, id, body: read(type) };
    case 'feature':
      return { type, id, body: read(type) };
    case 'plan':
      return { type, id, body: read(type) };
    case 'addon':
      return { type, id, body: read(type) };
    case 'customer':
      return { type, id, body: read(type) };
  }
}

export interface EditPlan {
  readonly head: CatalogHead;
  /** What is there now. */
  readonly before: StoredText | null;
  /** Undefined when the object is so already. */
  readonly change: ObjectChange | undefined;
}

/** Plans single edits: checks what the edit refers to, and what refers to it, without reading the customers. */
export class EditPlanner {
  readonly #store: CatalogStore;
  #known: { readonly epochMs: number; readonly version: number; readonly definitions: Definitions } | undefined;

  constructor(store: CatalogStore) {
    this.#store = store;
  }

  /**
   * @returns undefined when what was read is not of one version: try again.
   * @throws WeirError `owned_by_source`, `not_found` (to delete what is not there), `invalid_catalog` with every fault.
   */
  async plan(edit: Edit, owner: string): Promise<EditPlan | undefined> {
    const read = await this.#read(edit, owner);
    if (read === undefined) return undefined;
    const { head, before } = read;
    const after = edit.body === null ? null : storedText(edit.type, edit.body);
    const same = (before?.text ?? null) === after;
    return {
      head,
      before,
      change: same ? undefined : { type: edit.type, id: edit.id, before: before?.text ?? null, after },
    };
  }

  async #read(edit: Edit, owner: string): Promise<{ head: CatalogHead; before: StoredText | null } | undefined> {
    if (isDefinition(edit.type)) return await this.#readDefinition(edit, owner);
    const [head, { version, objects }] = await Promise.all([
      this.#store.head(),
      this.#store.readObjects(edit.type, [edit.id]),
    ]);
    if (head.version !== version) return undefined;
    const before = objects[0] ?? null;
    mayEdit(edit, before, owner);
    if (edit.type === 'customer' && edit.body !== null) {
      const definitions = await this.#definitions(head);
      if (definitions === undefined) return undefined;
      refuse([...checkClass(definitions, classOf(owner, edit.body)), ...checkOwned(definitions, edit.body)]);
    }
    if (edit.type === 'key' && edit.body?.customer !== undefined) {
      const { customer } = edit.body;
      const bound = await this.#store.readObjects('customer', [customer]);
      const message = `there is no customer ${JSON.stringify(customer)}`;
      if (!bound.objects[0]) refuse([{ path: ['customer'], message }]);
    }
    return { head, before };
  }

  async #readDefinition(edit: Edit, owner: string): Promise<{ head: CatalogHead; before: StoredText | null }> {
    const whole = await this.#store.readWhole(DEFINITION_TYPES, true);
    const before = isDefinition(edit.type) ? (whole.types.get(edit.type)?.get(edit.id) ?? null) : null;
    mayEdit(edit, before, owner);
    const all = surroundingsOf(whole, () => true);
    const others = { definitions: edited(all.definitions, { ...edit, body: null }), classes: all.classes };
    const after = edited(all.definitions, edit);
    const held = new Set(describeOthers(all.definitions, others));
    const broken = describeOthers(after, others).filter((message) => !held.has(message));
    refuse([...checkOwn(after, edit), ...broken.map((message) => ({ path: [], message }))]);
    return { head: whole, before };
  }

  /** Definitions as of the head's version; kept, since customers change more often than plans. */
  async #definitions(head: CatalogHead): Promise<Definitions | undefined> {
    const known = this.#known;
    if (known?.version === head.definitionsVersion && known.epochMs === head.epochMs) return known.definitions;
    const whole = await this.#store.readWhole(DEFINITION_TYPES);
    const definitions = definitionsOf(whole.types);
    this.#known = { epochMs: whole.epochMs, version: whole.definitionsVersion, definitions };
    return whole.definitionsVersion === head.definitionsVersion ? definitions : undefined;
  }
}

function mayEdit({ type, id, body }: Edit, before: StoredText | null, owner: string): void {
  if (before === null && body === null) throw new WeirError('not_found', `no ${type} ${JSON.stringify(id)}`);
  if (before === null || before.owner === owner) return;
  throw new WeirError('owned_by_source', `${type} ${JSON.stringify(id)} belongs to ${JSON.stringify(before.owner)}`);
}

/** The definitions with one edit made. */
function edited(definitions: Definitions, edit: Edit): Definitions {
  const put = <T>(map: ReadonlyMap<string, T>, body: T | null): ReadonlyMap<string, T> => {
    const copy = new Map(map);
    if (body === null) copy.delete(edit.id);
    else copy.set(edit.id, body);
    return copy;
  };
  switch (edit.type) {
    case 'meter':
      return { ...definitions, meters: put(definitions.meters, edit.body) };
    case 'feature':
      return { ...definitions, features: put(definitions.features, edit.body) };
    case 'plan':
      return { ...definitions, plans: put(definitions.plans, edit.body) };
    case 'addon':
      return { ...definitions, addons: put(definitions.addons, edit.body) };
    case 'customer':
    case 'key':
      return definitions;
  }
}

function checkOwn(definitions: Definitions, edit: Edit): Problem[] {
  if (edit.body === null) return [];
  if (edit.type === 'feature') return checkFeature(definitions, edit.body);
  if (edit.type === 'plan') return checkPlan(definitions, edit.body);
  if (edit.type === 'addon') return checkAddon(definitions, edit.body);
  return [];
}

/** @throws WeirError `invalid_catalog` unless there is no problem. */
function refuse(problems: readonly Problem[]): void {
  if (problems.length > 0) throw refusal('invalid_catalog', problems);
}
