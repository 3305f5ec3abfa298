import { figure, spreadText } from './format.js';
import type { OperationsReport } from './report.js';

/** Words and figures that the terminal's report and the document share. */

export const OPERATIONS_HEAD = ['', 'µs of Redis each', '÷ check'];

export const operationsRows = ({ rows }: OperationsReport): string[][] =>
  rows.map(({ what, micros, ofCheck }) => [what, spreadText(micros), spreadText(ofCheck)]);

export const operationsText = ({ customers, each, rounds }: OperationsReport): string =>
  `What each kind costs Redis: time inside its function, asked 100 at once of ${figure(customers)} customers, ` +
  `${figure(each)} of each kind in each of ${rounds} rounds; medians (least–most), ratios to the check of the same round`;
