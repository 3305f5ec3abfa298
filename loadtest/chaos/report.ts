import { type ChaosReport, isWhole, LIVE_MS_MAX } from './run.js';

/** The report for a terminal. */
export function printReport(report: ChaosReport): void {
  const { verdict, liveMs, lateRounds, missed, findings, findingsTotal } = report;
  const { examples, ...counts } = verdict;
  const sorted = [...liveMs].sort((one, other) => one - other);
  const at = (share: number): string =>
    `${((sorted[Math.floor(share * (sorted.length - 1))] ?? 0) / 1_000).toFixed(2)} s`;
  console.log(`\n${report.faults} faults in ${report.rounds} rounds, ${report.seconds.toFixed(0)} s`);
  console.table(report.byKind);
  console.table(report.answers);
  console.log(`Live again after a repair: median ${at(0.5)}, 95 % ${at(0.95)}, most ${at(1)}.`);
  console.log(`${lateRounds.length} of ${report.rounds} rounds took longer than ${LIVE_MS_MAX / 1_000} s.`);
  for (const round of lateRounds) console.log(`  ${round}`);
  if (missed.length > 0) console.log(`Nobody came by: ${missed.join(', ')}`);
  console.table({ ...counts, drift: report.drift, findings: findingsTotal, rows: report.rows });
  for (const finding of findings) console.log(`FINDING ${finding}`);
  for (const example of examples) console.log(`BOOKS ${example}`);
  console.log(
    isWhole(report)
      ? `Nothing lost, nothing twice. Seed ${report.seed}.`
      : `FAILED. Replay: npm run chaos -- --seed ${report.seed} --faults ${report.faults}`,
  );
}
