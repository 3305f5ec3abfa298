import { describe, expect, it } from 'vitest';
import type { CatalogDocument } from '../contract/catalog.js';
import { type CurrentObjects, diffCatalog, SECTIONS, type SourcedType } from './diff.js';
import { parseCatalog } from './document.js';
import { storedText } from './objects.js';
import type { StoredText } from './stored.js';

const read = (text: string): CatalogDocument => parseCatalog(text).document;

/** The objects of a document as the catalog holds them. */
function held(document: CatalogDocument, owner = 'file'): CurrentObjects {
  return new Map(
    SECTIONS.map(({ type, section }): [SourcedType, Map<string, StoredText>] => [
      type,
      new Map(document[section].map((body) => [body.id, { owner, version: 1, text: storedText(type, body) }])),
    ]),
  );
}

const changesOf = (current: CurrentObjects, text: string): string[] =>
  diffCatalog('file', current, read(text)).changes.map(({ type, id, before, after }) => {
    const what = before === null ? '+' : after === null ? '-' : '~';
    return `${what} ${type} ${id}`;
  });

const TWO = `
plans:
  - { id: pro, name: Pro, features: { sso: true, chat: { limits: [] } } }
  - { id: free }
customers:
  - { id: acme, plan: pro }
  - { id: beta, plan: free }
`;

describe('what a document changes', () => {
  it('is everything where there is nothing, in the order of references', () => {
    expect(changesOf(new Map(), TWO)).toEqual(['+ plan pro', '+ plan free', '+ customer acme', '+ customer beta']);
  });

  it('is nothing where the objects are equal, in whatever order their fields stand', () => {
    const again = `
customers:
  - { plan: free, id: beta, status: active, addons: [] }
  - { plan: pro, id: acme, timezone: UTC }
plans:
  - { id: free, features: {} }
  - { features: { chat: { limits: [] }, sso: true }, name: Pro, id: pro }
`;
    expect(changesOf(held(read(TWO)), again)).toEqual([]);
  });

  it('is what differs, and the deletion of what is not brought any more, last referrers first', () => {
    const less = 'plans:\n  - { id: pro, name: Pro 2 }\ncustomers:\n  - { id: gamma, plan: pro }\n';
    expect(changesOf(held(read(TWO)), less)).toEqual([
      '~ plan pro',
      '+ customer gamma',
      '- customer beta',
      '- customer acme',
      '- plan free',
    ]);
  });

  it('is never an object of another source: that is a conflict, and what they have is not deleted', () => {
    const { changes, conflicts } = diffCatalog('file', held(read(TWO), 'api'), read('plans: [{ id: free }]'));
    expect(changes).toEqual([]);
    expect(conflicts).toEqual([
      {
        path: ['plans', 0, 'id'],
        message: 'belongs to source "api" (owned_by_source): change it there, or use another id',
      },
    ]);
  });

  it('brings the state that the document describes, for any two documents', () => {
    const after = read(
      'plans: [{ id: free, name: Free }]\ncustomers: [{ id: beta, plan: free }, { id: z, plan: free }]',
    );
    const state = new Map<string, string>();
    for (const [type, objects] of held(read(TWO))) {
      for (const [id, { text }] of objects) state.set(`${type}:${id}`, text);
    }
    for (const change of diffCatalog('file', held(read(TWO)), after).changes) {
      if (change.after === null) state.delete(`${change.type}:${change.id}`);
      else state.set(`${change.type}:${change.id}`, change.after);
    }
    const desired = [...held(after)].flatMap(([type, objects]) =>
      [...objects].map(([id, { text }]): [string, string] => [`${type}:${id}`, text]),
    );
    expect([...state].sort()).toEqual(desired.sort());
  });
});
