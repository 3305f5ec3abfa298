import { mkdirSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  type ClickHouseClient,
  type ClickHouseClientConfigOptions,
  ClickHouseLogLevel,
  createClient,
} from '@clickhouse/client';
import type { ZodType } from 'zod';
import type { Config } from '../engine/platform/config.js';

/** Values of a query's `{name:Type}` parameters. */
export type QueryParameters = Readonly<Record<string, string | number | boolean | readonly (string | number)[]>>;

/** One insert: a block in the Native format, in pieces (sink/native-block.ts). */
export interface BlockInsert {
  readonly table: string;
  /** Names and types of its columns. */
  readonly structure: string;
  readonly pieces: readonly Uint8Array[];
  /** Names the insert, so that another process can tell whether it still runs. */
  readonly queryId: string;
  /** The insert does nothing and fails once a greater fence stands in sink_fences. */
  readonly fence: number;
}

/** A client, and how many queries it has to answer. */
interface Line {
  readonly client: ClickHouseClient;
  running: number;
}

type ClientConnection = NonNullable<ClickHouseClientConfigOptions['connection']>;

const REQUEST_MS_MAX = 120_000;
/** Pieces of one system call. */
const WRITEV_PIECES_MAX = 512;

/**
 * ClickHouse as Weir uses it: a server by CLICKHOUSE_URL, or the engine embedded in this process (chDB), by the same
 * client. 64-bit integers arrive as text, so that none loses digits.
 */
export class ClickHouse {
  /** True for chDB: its queries end with this process. */
  readonly embedded: boolean;
  readonly #lines: readonly Line[];
  /** Embedded: a file for the block to insert, since the embedded client takes text only. */
  readonly #spoolFile: string | undefined;

  private constructor(clients: readonly ClickHouseClient[], spoolFile: string | undefined) {
    this.#lines = clients.map((client) => ({ client, running: 0 }));
    this.#spoolFile = spoolFile;
    this.embedded = spoolFile !== undefined;
  }

  /**
   * Opens it; nothing is asked of a server yet. An embedded one may be opened several times in a process, with one
   * folder: then a slow report does not hold up an insert.
   * @param lines queries that an embedded one answers at a time: each connection of chDB answers one after the other.
   * @throws Error when chDB is not installed, or another process has the folder open.
   */
  static async open(config: Pick<Config, 'clickhouseUrl' | 'home'>, lines = 1): Promise<ClickHouse> {
    const settings = {
      clickhouse_settings: {
        output_format_json_quote_64bit_integers: 1,
        // Compiled, which happens at the third run of a query, `greatest` of an Int128 takes −50 for more than 0 (26.7).
        compile_expressions: 0,
      },
      // Failures are thrown, and logged where it is known what they mean.
      log: { level: ClickHouseLogLevel.OFF },
    } as const;
    if (config.clickhouseUrl !== undefined) {
      const url = config.clickhouseUrl;
      return new ClickHouse([createClient({ ...settings, url, request_timeout: REQUEST_MS_MAX })], undefined);
    }
    const { createChdbConnection } = await import('chdb/connection');
    const folder = join(config.home, 'clickhouse');
    mkdirSync(folder, { recursive: true });
    const spool = join(config.home, 'clickhouse-spool');
    mkdirSync(spool, { recursive: true });
    const clients = Array.from({ length: lines }, () => {
      // chDB implements this very interface as client-common declares it; the client bundles a copy of the declarations,
      // and a private field in one of them makes the two differ by name only.
      const connection = createChdbConnection({ path: folder }) as unknown as ClientConnection;
      return createClient({ ...settings, connection });
    });
    return new ClickHouse(clients, join(spool, `insert-${process.pid}-${nextSpool++}.native`));
  }

  /**
   * Rows of a query, each parsed by the schema.
   * @throws ClickHouseError for a query that fails, ZodError for rows of another shape.
   */
  async query<T>(sql: string, parameters: QueryParameters, schema: ZodType<T>): Promise<T[]> {
    const rows = await this.#onALine(async (client): Promise<unknown[]> => {
      const result = await client.query({ query: sql, query_params: { ...parameters }, format: 'JSONEachRow' });
      return await result.json();
    });
    return rows.map((row) => schema.parse(row));
  }

  /** The bytes of a query that names its own format, in memory. @throws ClickHouseError */
  async bytes(sql: string, settings: Readonly<Record<string, string>>): Promise<Buffer> {
    return await this.#onALine(async (client) => {
      const { stream } = await client.exec({ query: sql, clickhouse_settings: settings });
      const chunks: Uint8Array[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      return Buffer.concat(chunks);
    });
  }

  /**
   * Inserts rows by the names of their columns: for little that is written seldom, or whose readers bear a row twice.
   * @throws Error when it failed, or nobody knows.
   */
  async insertRows(table: string, rows: readonly Readonly<Record<string, unknown>>[]): Promise<void> {
    if (rows.length === 0) return;
    await this.#onALine((client) => client.insert({ table, values: [...rows], format: 'JSONEachRow' }));
  }

  /** A statement without rows. @throws ClickHouseError */
  async command(sql: string, parameters: QueryParameters = {}): Promise<void> {
    await this.#onALine((client) => client.command({ query: sql, query_params: { ...parameters } }));
  }

  /**
   * Inserts one block as one part: all of it, or nothing.
   * @throws Error when it failed, or nobody knows: then ask for the rows before inserting again.
   */
  async insertBlock(insert: BlockInsert): Promise<void> {
    const { table, structure, pieces } = insert;
    // Evaluated once, as the insert begins, in the same query: no later sink can come in between.
    const fenced = `throwIf((SELECT max(fence) FROM sink_fences) > ${insert.fence}, 'another sink has taken over') = 0`;
    const into = (source: string): string => `INSERT INTO ${table} SELECT * FROM ${source} WHERE ${fenced}`;
    if (this.#spoolFile !== undefined) {
      await writePieces(this.#spoolFile, pieces);
      await this.command(into(`file(${quoted(this.#spoolFile)}, 'Native', ${quoted(structure)})`));
      return;
    }
    await this.#onALine(async (client) => {
      const result = await client.exec({
        query: `${into(`input(${quoted(structure)})`)} FORMAT Native`,
        values: Readable.from(pieces, { objectMode: false }),
        query_id: insert.queryId,
        clickhouse_settings: { wait_end_of_query: 1, async_insert: 0 },
      });
      for await (const _ of result.stream) {
        // Read to the end: an error may come late.
      }
    });
  }

  /** @throws Error when ClickHouse does not answer. */
  async ping(): Promise<void> {
    const result = await this.#onALine((client) => client.ping());
    if (!result.success) throw result.error;
  }

  /** Runs work on the line with the least to do. */
  async #onALine<T>(work: (client: ClickHouseClient) => Promise<T>): Promise<T> {
    const line = this.#lines.reduce((least, each) => (each.running < least.running ? each : least));
    line.running += 1;
    try {
      return await work(line.client);
    } finally {
      line.running -= 1;
    }
  }

  async close(): Promise<void> {
    for (const { client } of this.#lines) await client.close();
    if (this.#spoolFile !== undefined) rmSync(this.#spoolFile, { force: true });
  }
}

let nextSpool = 0;

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

async function writePieces(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (let at = 0; at < pieces.length; at += WRITEV_PIECES_MAX) {
      const some = pieces.slice(at, at + WRITEV_PIECES_MAX);
      const size = some.reduce((sum, piece) => sum + piece.length, 0);
      const { bytesWritten } = await file.writev(some);
      // A regular file takes all at once, unless the disk is full.
      if (bytesWritten !== size) throw new Error(`wrote ${bytesWritten} of ${size} bytes to ${path}`);
    }
  } finally {
    await file.close();
  }
}
