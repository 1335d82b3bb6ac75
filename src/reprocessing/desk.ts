/** Where a person asks that a result be recomputed (docs/adr/0013). SQL, and what can be said no to at once. */
import type { Pool } from 'pg';
import { AppError } from '../errors.js';
import type { ResultKey } from '../position/commit-log.js';
import type { ReprocessingDesk } from '../stores/audit-port.js';
import { REPROCESSABLE } from './fold.js';
import { symbolIn } from './worker.js';

/** Open requests of persons at most: they go before all others, and no retention takes them away. */
export const MOST_OF_PERSONS = 1_000;
/** As the wire has it (wire/schema/result.schema.json). */
const KEY_LENGTH = 512;

const refuse = (code: string, message: string, retryable = false): AppError =>
  new AppError(code, message, { retryable, outcome: 'none' });

/** One that is open is taken over, so that it is worked on before those that nobody asked for. */
const REQUEST = `
  insert into reprocessing_requests as r (kind, business_key, engine, reason, requested_position, requested_by)
  select $1, $2, $3, 'REQUESTED', (select position from commit_clock), 'person'
  where (select count(*) from reprocessing_requests where state = 'OPEN' and requested_by = 'person') < $4
  on conflict (kind, business_key, engine) where state = 'OPEN'
    do update set requested_by = 'person' where r.requested_by <> 'person'
  returning id`;
const OPEN = `select id from reprocessing_requests where business_key = $2 and kind = $1 and engine = $3 and state = 'OPEN'`;

/** @param on does this server recompute? One that does not would leave the request lying. */
export function createReprocessingDesk(pool: Pool, on: boolean, most: number = MOST_OF_PERSONS): ReprocessingDesk {
  return {
    async request({ kind, businessKey, engine }) {
      refuseUnworkable(on, kind, businessKey);
      const values = [kind, businessKey, engine];
      if (symbolIn(businessKey) === null && !(await isStored(pool, values))) {
        throw refuse('RESULT_UNKNOWN', 'Nothing is stored of it, and its key does not say where its events lie.');
      }
      const made = await pool.query<{ id: string }>(REQUEST, [...values, most]);
      const id = made.rows[0]?.id ?? (await pool.query<{ id: string }>(OPEN, values)).rows[0]?.id;
      if (id !== undefined) return BigInt(id);
      throw refuse('REPROCESSING_FULL', `${most} results wait for being recomputed on a person’s word already.`, true);
    },
  };
}

/** @throws AppError REPROCESSING_OFF, KIND_NOT_REPROCESSABLE, BUSINESS_KEY_INVALID */
function refuseUnworkable(on: boolean, kind: string, businessKey: string): void {
  if (!on) throw refuse('REPROCESSING_OFF', 'This server does not recompute results: start it with REPROCESSING=on.');
  if (!REPROCESSABLE.has(kind)) {
    const known = [...REPROCESSABLE.keys()].join(', ');
    throw refuse('KIND_NOT_REPROCESSABLE', `Results of this kind can not be recomputed; those of ${known} can.`);
  }
  const length = [...businessKey].length;
  if (length === 0 || length > KEY_LENGTH || businessKey.includes('\u0000') || /[\uD800-\uDFFF]/u.test(businessKey)) {
    throw refuse('BUSINESS_KEY_INVALID', `A business key has 1 to ${KEY_LENGTH} characters.`);
  }
}

async function isStored(pool: Pool, key: readonly ResultKey[keyof ResultKey][]): Promise<boolean> {
  const found = await pool.query('select from results where kind = $1 and business_key = $2 and engine = $3', [...key]);
  return found.rows.length > 0;
}
