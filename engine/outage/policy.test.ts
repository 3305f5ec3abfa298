import { expect, test } from 'vitest';
import type { OnUnavailable } from '../contract/catalog.js';
import type { Rule } from '../limits/limit-set.js';
import { Allowances, type PolicyQuestion } from './policy.js';

const rule = (name: string, onUnavailable: OnUnavailable, shadow = false): Rule => ({
  kind: 'concurrency',
  name,
  shadow,
  onUnavailable,
  slots: 1,
});
const ask = (amount: number, ...rules: Rule[]): PolicyQuestion => ({
  customer: 'acme',
  feature: 'chat',
  rules,
  amount,
});

test('all limits must allow, and those that do not are named in their order', () => {
  const allowances = new Allowances();
  const judged = allowances.judge(ask(1, rule('a', 'deny'), rule('b', 'allow'), rule('c', { allowUpTo: 0 })));
  expect(judged).toEqual({ allowed: false, deniedBy: ['a', 'c'], shadowDeniedBy: [], remaining: 0 });
  expect(allowances.judge(ask(1, rule('b', 'allow')))).toMatchObject({ allowed: true, remaining: null });
  expect(allowances.judge(ask(1))).toMatchObject({ allowed: true, remaining: null });
  expect(allowances.judge(ask(0, rule('a', 'deny')))).toMatchObject({ allowed: false });
});

test('allowUpTo admits so much per limit and customer, and says what is left', () => {
  const allowances = new Allowances();
  const upTo = rule('up', { allowUpTo: 10 });
  expect(allowances.judge(ask(4, upTo))).toMatchObject({ allowed: true, remaining: 6 });
  const taken = allowances.take(ask(4, upTo));
  allowances.take(ask(6, upTo));
  expect(allowances.judge(ask(1, upTo))).toMatchObject({ allowed: false, deniedBy: ['up'], remaining: 0 });
  expect(allowances.judge(ask(0, upTo))).toMatchObject({ allowed: true });
  expect(allowances.judge({ ...ask(10, upTo), customer: 'other' })).toMatchObject({ allowed: true });
  expect(allowances.judge({ ...ask(10, upTo), feature: 'other' })).toMatchObject({ allowed: true });
  allowances.giveBack(taken);
  expect(allowances.judge(ask(4, upTo))).toMatchObject({ allowed: true, remaining: 0 });
  allowances.clear();
  expect(allowances.judge(ask(10, upTo))).toMatchObject({ allowed: true });
});

test('a judgement and a take that is given back leave nothing', () => {
  const allowances = new Allowances();
  const question = ask(3, rule('up', { allowUpTo: 5 }), rule('shadow', { allowUpTo: 2 }, true));
  allowances.judge(question);
  allowances.giveBack(allowances.take(question));
  expect(allowances.size).toBe(0);
});

test('a shadow limit says what it would have said, denies nothing, and counts only what it would have admitted', () => {
  const allowances = new Allowances();
  const shadow = rule('shadow', { allowUpTo: 5 }, true);
  const question = ask(3, rule('free', 'allow'), shadow);
  expect(allowances.judge(question)).toMatchObject({ allowed: true, shadowDeniedBy: [], remaining: null });
  allowances.take(question);
  expect(allowances.judge(question)).toMatchObject({ allowed: true, shadowDeniedBy: ['shadow'] });
  allowances.take(question);
  expect(allowances.judge(ask(2, shadow))).toMatchObject({ shadowDeniedBy: [] });
});
