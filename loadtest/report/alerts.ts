import { figure } from './format.js';
import type { AlertsMeasure, AlertsReport } from './report.js';

/** The promise: a crossing is told within a second of its charge, under half of the greatest load. */
export const ALERT_P99_MS_MAX = 1_000;

export const alertsText = ({ connections, crossingsPerSecond, seconds }: AlertsReport): string =>
  `${figure(crossingsPerSecond)} crossings a second for ${figure(seconds)} s beside checks on ${connections} connections, ` +
  'each from its check until its webhook was received';

export const ALERTS_HEAD = [
  'checks',
  'checks/s',
  'crossings',
  'missing',
  'doubled',
  'repeated',
  'p50, ms',
  'p99, ms',
  'max, ms',
  'cores of others',
];

const LOADS: Readonly<Record<AlertsMeasure['load'], string>> = {
  half: 'at half of their rate',
  full: 'as fast as they go',
};

export const alertsRows = ({ measured }: AlertsReport): string[][] =>
  measured.map(
    ({ load, decisionsPerSecond, strangerCores, crossings, missing, doubled, repeated, p50Ms, p99Ms, maxMs }) => [
      LOADS[load],
      figure(Math.round(decisionsPerSecond)),
      ...[crossings, missing, doubled, repeated, p50Ms, p99Ms, maxMs, strangerCores].map(figure),
    ],
  );

/** Whether every crossing was told, and as one alert. */
export const isToldOnce = ({ measured }: AlertsReport): boolean =>
  measured.every(({ missing, doubled }) => missing === 0 && doubled === 0);
