/** A REPEATABLE READ copy of the truth with the clock in it, to rebuild a read model from (contract.md §7). */
import type { Pool, PoolClient } from 'pg';
import { micros, position } from '../../position/position.js';
import type { StoredResult, Truth, TruthSnapshot } from '../port.js';
import { RESULT_COLUMNS, storedResult, type ResultRow } from './row.js';

const FETCH_ROWS = 1_000;
/** A batch of rows that a store has not taken after so long ends the copy. Milliseconds. */
const STORE_MS = 300_000;

interface ClockRow {
  position: string;
  nonce: string;
  incarnation: string;
  committed_at_us: string;
  total: string;
}

async function* rowsOf(client: PoolClient): AsyncGenerator<readonly StoredResult[]> {
  for (;;) {
    const { rows } = await client.query<ResultRow>(`fetch ${FETCH_ROWS} from copy_of_results`);
    if (rows.length === 0) return;
    yield rows.map(storedResult);
  }
}

export function createTruth(pool: Pool): Truth {
  return {
    async snapshot(): Promise<TruthSnapshot> {
      const client = await pool.connect();
      try {
        await client.query('begin isolation level repeatable read read only');
        // A store takes its time with each batch; nobody waits for this transaction's locks.
        await client.query(`set local idle_in_transaction_session_timeout = ${STORE_MS}`);
        const { rows } = await client.query<ClockRow>(
          `select position, nonce, incarnation, committed_at_us, (select count(*) from results) as total from commit_clock`,
        );
        const [clock] = rows;
        if (clock === undefined) throw new Error('commit_clock is empty: the server did not start it');
        await client.query(`declare copy_of_results cursor for select ${RESULT_COLUMNS} from results r`);
        return {
          clock: {
            position: position(clock.position),
            nonce: clock.nonce,
            incarnation: clock.incarnation,
            committedAt: micros(clock.committed_at_us),
          },
          total: Number(clock.total),
          rows: rowsOf(client),
          close: async () => {
            const failure = await client.query('rollback').then(
              () => undefined,
              (error: Error) => error,
            );
            client.release(failure);
          },
        };
      } catch (error) {
        client.release(error as Error);
        throw error;
      }
    },
  };
}
