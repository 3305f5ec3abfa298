import { describe, expect, it } from 'vitest';
import type { ResolvedWindow } from '../../../../engine/limits/window.js';
import type { UsagePeriod } from '../api/reports.js';
import { type ChartQuestion, planChart, type UsageSpan } from './chart-plan.js';
import { decimalText } from './decimal.js';
import { buildSeries } from './series.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const at = (text: string): number => Date.parse(text);
const nowMs = at('2026-11-24T14:20:00Z');

const window = (every: ResolvedWindow['every'], timezone = 'UTC', anchor?: string): ResolvedWindow => ({
  every,
  timezone,
  anchorMs: anchor === undefined ? null : at(anchor),
});
const question = (change: Partial<ChartQuestion> = {}): ChartQuestion => ({
  range: 'period',
  by: 'day',
  measure: 'total',
  window: window('month'),
  timezone: 'UTC',
  summed: true,
  nowMs,
  ...change,
});
const iso = (span: { fromMs: number; toMs: number } | UsageSpan | null): string[] =>
  span === null ? [] : [new Date(span.fromMs).toISOString(), new Date(span.toMs).toISOString()];

describe('what is asked for', () => {
  it('is the window that is under way, up to the end of today', () => {
    const plan = planChart(question());
    expect(iso(plan)).toEqual(['2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z']);
    expect(plan.spans.map(iso)).toEqual([['2026-11-01T00:00:00.000Z', '2026-11-25T00:00:00.000Z']]);
    expect(plan).toMatchObject({ by: 'day', measure: 'total', before: null, note: '' });
  });

  it('is also what a window had used before the span', () => {
    const plan = planChart(question({ range: '7d' }));
    expect(iso(plan)).toEqual(['2026-11-18T00:00:00.000Z', '2026-11-25T00:00:00.000Z']);
    expect(iso(plan.before)).toEqual(['2026-11-01T00:00:00.000Z', '2026-11-18T00:00:00.000Z']);
    expect(plan.before?.granularity).toBe('month');
  });

  it('is cut where a window begins inside a day, so that no day belongs to two windows', () => {
    const anchored = window('month', 'UTC', '2026-01-10T09:30:00Z');
    const plan = planChart(question({ range: '30d', window: anchored }));
    expect(plan.spans.map(iso)).toEqual([
      ['2026-10-26T00:00:00.000Z', '2026-11-10T09:30:00.000Z'],
      ['2026-11-10T09:30:00.000Z', '2026-11-25T00:00:00.000Z'],
    ]);
    expect(iso(plan.before)[0]).toBe('2026-10-10T09:30:00.000Z');
  });

  it('counts days in the zone of the window', () => {
    const plan = planChart(question({ range: '7d', window: window('month', 'Asia/Kolkata') }));
    expect(iso(plan)[0]).toBe('2026-11-17T18:30:00.000Z');
    expect(plan.spans).toHaveLength(1);
  });

  it('takes hours for a day and days for a year, whatever was chosen', () => {
    expect(planChart(question({ range: '24h' })).by).toBe('hour');
    expect(planChart(question({ window: window('year'), by: 'hour' })).by).toBe('day');
    expect(planChart(question({ window: window('day'), range: '7d' })).by).toBe('hour');
  });

  it('stays within what one call of the API answers', () => {
    for (const every of ['hour', 'day', 'week', 'month', 'year', 'lifetime'] as const) {
      for (const range of ['24h', '7d', '30d', 'period'] as const) {
        for (const by of ['hour', 'day'] as const) {
          const plan = planChart(
            question({ window: window(every, 'America/New_York', '2026-01-31T10:15:00Z'), range, by }),
          );
          const calls = [...plan.spans, ...(plan.before === null ? [] : [plan.before])];
          expect(calls.length).toBeLessThanOrEqual(9);
          for (const { fromMs, toMs, granularity } of calls) {
            const unitMs = granularity === 'hour' ? HOUR_MS : granularity === 'day' ? DAY_MS : 28 * DAY_MS;
            expect(toMs).toBeGreaterThan(fromMs);
            expect((toMs - fromMs) / unitMs).toBeLessThan(1_100);
          }
        }
      }
    }
  });

  it('says why a limit cannot be drawn', () => {
    expect(planChart(question({ window: window('minute') })).note).toContain('every minute');
    expect(planChart(question({ window: window('hour'), range: '7d', measure: 'each' })).note).toContain(
      'choose hours',
    );
    expect(planChart(question({ summed: false })).note).toContain('does not add up');
    expect(planChart(question({ window: null }))).toMatchObject({ measure: 'each', note: '' });
  });

  it('holds each day against a limit of the day, and not against one of the month', () => {
    expect(planChart(question({ measure: 'each', range: '7d', window: window('day') })).windows).toHaveLength(7);
    expect(planChart(question({ measure: 'each', range: '7d' })).windows).toEqual([]);
  });
});

describe('what is drawn', () => {
  const period = (start: string, value: string, lengthMs = DAY_MS): UsagePeriod => ({
    startMs: at(start),
    endMs: at(start) + lengthMs,
    value,
  });

  it('adds up to now, from what there was before', () => {
    const plan = planChart(question({ range: '7d' }));
    const periods = [period('2026-11-23', '0.5'), period('2026-11-24', '0.25'), period('2026-11-25', '9')];
    const series = buildSeries(plan, periods, [period('2026-11-01', '100')], nowMs);
    expect(series.rows.map((row) => row.total && decimalText(row.total))).toEqual(['100.5', '100.75']);
    expect(series.points.y).toEqual([100, 100.5, 100.75]);
    expect(series.points.xMs.at(-1)).toBe(nowMs);
    expect(decimalText(series.sum)).toBe('100.75');
    expect(series.peak?.startMs).toBe(at('2026-11-23'));
  });

  it('falls to zero where a window begins', () => {
    const plan = planChart(question({ range: '7d', window: window('day') }));
    const hours = [
      period('2026-11-23T22:00:00Z', '5', HOUR_MS),
      period('2026-11-23T23:00:00Z', '1', HOUR_MS),
      period('2026-11-24T00:00:00Z', '2', HOUR_MS),
    ];
    const series = buildSeries(plan, hours, [], nowMs);
    expect(series.points.y).toEqual([0, 5, 6, 0, 2]);
    expect([...series.points.xMs].sort((left, right) => left - right)).toEqual(series.points.xMs);
    expect(new Set(series.points.xMs).size).toBe(series.points.xMs.length);
    expect(decimalText(series.sum)).toBe('2');
  });

  it('is each period by itself where nothing adds up', () => {
    const plan = planChart(question({ window: null }));
    const series = buildSeries(plan, [period('2026-11-23T22:00:00Z', '5', HOUR_MS)], [], nowMs);
    expect(series.rows.map((row) => row.total)).toEqual([null]);
    expect(series.points.y).toEqual([5]);
  });

  it('has no peak where nothing was used', () => {
    const series = buildSeries(planChart(question()), [period('2026-11-23', '0')], [], nowMs);
    expect(series.peak).toBeUndefined();
  });
});
