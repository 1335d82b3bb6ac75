/** The part of chdb's interface that the bridge uses. The package lives in the cache, not in node_modules. */
import { createRequire } from 'node:module';
import { join } from 'node:path';

export interface ChdbResult {
  readonly elapsed: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
  bytes(): Uint8Array;
}

/** One connection to the engine. Settings and parameters that are SET stay in it. */
export interface ChdbSession {
  queryAsync(sql: string, options: { format: string }): Promise<ChdbResult>;
  close(): void;
}

export interface Chdb {
  readonly Session: new (dataFolder: string) => ChdbSession;
}

/** @param folder holds `node_modules/chdb`, as `stack/install/clickhouse.ts` leaves it */
export const loadChdb = (folder: string): Chdb => createRequire(join(folder, 'package.json'))('chdb') as Chdb;
