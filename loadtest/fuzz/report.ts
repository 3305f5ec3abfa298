import type { FuzzReport } from './run.js';

const BYTES_SHOWN = 400;

/** The report for a terminal. */
export function printReport({ findings, byKind, byStatus, warm, rest, ...counts }: FuzzReport): void {
  console.log(`${(counts.frames / counts.seconds).toFixed(0)} requests/s over ${counts.seconds.toFixed(1)} s`);
  console.table(counts);
  console.table(byKind);
  console.table(byStatus);
  console.table({ warm, rest });
  findings.forEach(({ kind, what, pieces }, index) => {
    const bytes = Buffer.concat(pieces.map((piece) => Buffer.from(piece, 'base64'))).toString('latin1');
    console.log(`\nFINDING ${index}, ${kind}: ${what}\n${JSON.stringify(bytes.slice(0, BYTES_SHOWN))}`);
  });
  console.log(findings.length === 0 ? 'nothing found' : `${findings.length} findings`);
}
