import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivateFile } from './home.js';
import { asIdentity } from './home-lock.js';
import { identityOf, type ProcessIdentity } from './process-identity.js';

/**
 * The processes of this Weir: `run/NAME.pid` holds the pid alone, for people and their tools; `run/processes.json` has
 * the start times too, by which the next start knows an orphan from a stranger with the same pid.
 */
export class ProcessList {
  readonly #folder: string;
  readonly #processes: Map<string, ProcessIdentity>;

  /** Starts with what an earlier run left: entries go one by one, so that a crash meanwhile loses none. */
  constructor(runFolder: string) {
    this.#folder = runFolder;
    this.#processes = this.#read();
  }

  get #file(): string {
    return join(this.#folder, 'processes.json');
  }

  #pidFile(name: string): string {
    return join(this.#folder, `${name}.pid`);
  }

  /** Notes a process that was just started. One that has ended by now is not noted. */
  add(name: string, pid: number): void {
    const identity = identityOf(pid);
    if (identity === undefined) return;
    this.#processes.set(name, identity);
    this.#write();
    writeFileSync(this.#pidFile(name), `${pid}\n`);
  }

  /**
   * Forgets a process that has ended. What cannot be written (a removed folder, a full disk) stays: the next start finds
   * that the process is gone, while a stop that fails over its notes would leave processes behind.
   */
  remove(name: string): void {
    this.#processes.delete(name);
    try {
      this.#write();
      rmSync(this.#pidFile(name), { force: true });
    } catch {
      return;
    }
  }

  /** All noted processes, in the order they were started. Before anything is started: those an earlier run left. */
  entries(): [name: string, identity: ProcessIdentity][] {
    return [...this.#processes];
  }

  #read(): Map<string, ProcessIdentity> {
    const processes = new Map<string, ProcessIdentity>();
    let document: unknown;
    try {
      document = JSON.parse(readFileSync(this.#file, 'utf8'));
    } catch {
      return processes;
    }
    if (typeof document !== 'object' || document === null) return processes;
    for (const [name, value] of Object.entries(document)) {
      const identity = asIdentity(value);
      if (identity !== undefined) processes.set(name, identity);
    }
    return processes;
  }

  #write(): void {
    writePrivateFile(this.#file, `${JSON.stringify(Object.fromEntries(this.#processes), null, 2)}\n`);
  }
}
