/** Connections to Postgres: every one of them bounded in time, none of them able to end the process. */
import { Pool } from 'pg';

export interface PoolSettings {
  readonly connectionString: string;
  /** Shown in pg_stat_activity. */
  readonly name: string;
  readonly max: number;
  /** A statement that takes longer is cancelled. Milliseconds. */
  readonly statementMs: number;
  /**
   * A transaction in which nothing was asked for so long is ended by Postgres, and its locks with it: a server that was
   * stopped in the middle of one (SIGSTOP, a vanished machine) must not hold up the others. Milliseconds.
   */
  readonly idleInTransactionMs: number;
  /** A connection broke. Whoever was using it hears of it by itself. */
  readonly onBroken: (error: Error) => void;
}

/** Between two statements of a transaction there is only computing. */
export const IDLE_IN_TRANSACTION_MS = 5_000;
export const INGEST_STATEMENT_MS = 15_000;

const CONNECT_MS = 2_000;
/** The client's own limit comes after the server's: a server that is stopped can't time anything out. */
const GRACE_MS = 1_000;

export function createPool(settings: PoolSettings): Pool {
  const pool = new Pool({
    connectionString: settings.connectionString,
    application_name: `tidemark-${settings.name}`,
    max: settings.max,
    connectionTimeoutMillis: CONNECT_MS,
    idleTimeoutMillis: 60_000,
    statement_timeout: settings.statementMs,
    query_timeout: settings.statementMs + GRACE_MS,
    idle_in_transaction_session_timeout: settings.idleInTransactionMs,
    keepAlive: true,
  });
  // Idle connections tell the pool; one that is lent out tells only its own listeners, and without any ends the process.
  pool.on('error', settings.onBroken);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}
