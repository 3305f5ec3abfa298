import { readFileSync } from 'node:fs';

/** Of Linux's /proc, on every architecture Node runs on (sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;

/** CPU seconds by name of process, since it began. */
export type CpuSeconds = Readonly<Record<string, number>>;

/** A process by its name now; a pid is asked for each time, since a supervisor may have started another one. */
export interface WatchedProcess {
  readonly name: string;
  readonly pid: () => number;
}

/** CPU seconds a process has used, in user and system mode, with its ended children left out; 0 where it cannot be read. */
function cpuSecondsOf(pid: number): number {
  try {
    // proc(5): the name may hold spaces and parentheses; utime and stime are the 12th and 13th field after it.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

/** What each of these has used so far. */
export function readCpu(processes: readonly WatchedProcess[]): CpuSeconds {
  return Object.fromEntries(
    processes.map(({ name, pid }) => {
      try {
        return [name, cpuSecondsOf(pid())];
      } catch {
        // Between two lives of a process it has no pid.
        return [name, 0];
      }
    }),
  );
}

/** `after` − `before`, name by name; a process that was started anew counts from its start. */
export function cpuBetween(before: CpuSeconds, after: CpuSeconds): CpuSeconds {
  return Object.fromEntries(
    Object.entries(after).map(([name, seconds]) => {
      const earlier = before[name] ?? 0;
      return [name, seconds >= earlier ? seconds - earlier : seconds];
    }),
  );
}

export const totalOf = (cpu: CpuSeconds): number => Object.values(cpu).reduce((sum, seconds) => sum + seconds, 0);

/** CPU seconds that all processes of the machine have used; 0 where it cannot be read. */
export function machineCpuSeconds(): number {
  try {
    // proc(5): user nice system idle iowait irq softirq steal
    const [user, nice, system, , , irq, softirq, steal] =
      readFileSync('/proc/stat', 'utf8').slice(0, 512).split('\n', 1)[0]?.split(/\s+/).slice(1).map(Number) ?? [];
    const busy = [user, nice, system, irq, softirq, steal].reduce<number>((sum, ticks) => sum + (ticks ?? 0), 0);
    return busy / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}
