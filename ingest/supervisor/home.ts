import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A log file past this size is put aside at the start; one older copy is kept. */
const LOG_BYTES_MAX = 8 * 1024 * 1024;
const ADMIN_KEY_CHARS_MIN = 32;

/** WEIR_HOME: where everything of one Weir lies. Folders are for their owner only, and so is what holds credentials. */
export class Home {
  readonly path: string;

  /** @throws Error when the folder cannot be made or written. */
  constructor(path: string) {
    this.path = path;
    for (const folder of [path, this.#in('run'), this.#in('logs'), this.#in('redis'), this.#in('nats')]) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    }
  }

  #in(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  get lockFile(): string {
    return this.#in('run', 'lock');
  }
  get runFolder(): string {
    return this.#in('run');
  }
  get urlsFile(): string {
    return this.#in('run', 'urls.json');
  }
  get adminKeyFile(): string {
    return this.#in('admin.key');
  }
  get redisFolder(): string {
    return this.#in('redis');
  }
  get natsFolder(): string {
    return this.#in('nats');
  }

  /** Log file of a managed service, emptied by renaming when it has grown past 8 MiB. */
  logFile(name: string): string {
    const path = this.#in('logs', `${name}.log`);
    if (existsSync(path) && statSync(path).size > LOG_BYTES_MAX) renameSync(path, `${path}.1`);
    return path;
  }

  /** The admin key of an earlier start, or a new one, kept in `admin.key`. @throws Error for a key that is too short. */
  adminKey(): string {
    if (!existsSync(this.adminKeyFile))
      writePrivateFile(this.adminKeyFile, `${randomBytes(32).toString('base64url')}\n`);
    chmodSync(this.adminKeyFile, 0o600);
    const key = readFileSync(this.adminKeyFile, 'utf8').trim();
    if (key.length < ADMIN_KEY_CHARS_MIN) {
      throw new Error(
        `${this.adminKeyFile} holds a key of less than ${ADMIN_KEY_CHARS_MIN} characters: remove it for a new one`,
      );
    }
    return key;
  }
}

/** Writes a file only its owner can read; readers see the old content or the new, never a part. */
export function writePrivateFile(path: string, content: string): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, content, { mode: 0o600 });
  renameSync(temporary, path);
}
