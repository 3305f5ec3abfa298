import { AFTER_NOTHING } from '../contract/fact.js';
import { isOver } from './books.js';
import { giveBack } from './limit-state.js';
import type { ChargedLimit, ExpectedFact, Reply, Result, VoidAsk } from './reply.js';
import { replayed, shapeOf, spell, type Turn } from './turn.js';

/** One charge of an event is taken back: once, and from what is left of it. */
export function takeBack(turn: Turn, { charge }: VoidAsk): Reply {
  const { source, id, place, entity, happenedAtMs } = charge;
  const { atMs, books, scope } = turn;
  const key = spell({ void: place, source, id });
  const known = books.ids.get(key);
  if (known !== undefined && !isOver(known, atMs)) return replayed(known, '', []);

  const after: (number | null)[] = [];
  const facts = charge.facts.map(({ feature, meter, amount, late, limits }): ExpectedFact => {
    // An entity may be gone since; its customer's limits are still there.
    const grant = scope.grant(feature, entity) ?? scope.grant(feature, undefined);
    const views = turn.views(grant?.rules ?? []);
    const named = limits.flatMap(({ id: name, windowStartMs }): ChargedLimit[] => {
      const kind = windowStartMs === null ? 'bucket' : 'quota';
      const view = views.find(({ rule }) => rule.name === name && rule.limit.kind === kind);
      const given = view === undefined ? null : giveBack(view.state, windowStartMs, BigInt(amount));
      if (view !== undefined && given !== null) turn.put(view, given.state);
      after.push(given?.after ?? null);
      if (given === null && windowStartMs === null) return [];
      return [{ name, windowStartMs, after: given?.after ?? AFTER_NOTHING }];
    });
    const fact = { kind: 'void' as const, feature, meter, entity: entity ?? '', amount, late, happenedAtMs };
    return { ...fact, chargedAtMs: atMs, limits: named };
  });
  const result: Result = { kind: 'voided', replayed: false, after };
  books.latestMs = atMs;
  books.ids.set(key, { body: '', result, atMs, shape: shapeOf([]) });
  return { result, facts, denial: null };
}
