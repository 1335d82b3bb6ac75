/** The source of truth as a reader. It has no lag: whoever calls it after a proof's reply reads at least that position. */
import type { Pool } from 'pg';
import { AppError } from '../../errors.js';
import { keyOf, type ResultKey } from '../../position/commit-log.js';
import type { Answer, ListQuery, ResultReader, StoredResult } from '../port.js';
import { RESULT_COLUMNS, storedResult, type ResultRow } from './row.js';

const MAX_LIMIT = 501;

export function createPostgresReader(pool: Pool): ResultReader {
  async function query(config: { name?: string; text: string; values: unknown[] }): Promise<StoredResult[]> {
    try {
      return (await pool.query<ResultRow>(config)).rows.map(storedResult);
    } catch (cause) {
      throw new AppError('STORE_UNAVAILABLE', 'Postgres did not answer.', { retryable: true, outcome: 'none', cause });
    }
  }

  return {
    store: 'POSTGRES',

    async readMany(keys: readonly ResultKey[]): Promise<Answer<readonly (StoredResult | null)[]>> {
      const rows = await query({
        name: 'read-many',
        text: `select ${RESULT_COLUMNS} from unnest($1::text[], $2::text[], $3::text[]) as k(kind, business_key, engine)
               join results r using (kind, business_key, engine)`,
        values: [keys.map((k) => k.kind), keys.map((k) => k.businessKey), keys.map((k) => k.engine)],
      });
      const found = new Map(rows.map((row) => [keyOf(row), row]));
      return { applied: null, data: keys.map((key) => found.get(keyOf(key)) ?? null) };
    },

    async list(listQuery: ListQuery): Promise<Answer<readonly StoredResult[]>> {
      return { applied: null, data: await query(listStatement(listQuery)) };
    },
  };
}

const FIELD = /^[a-z][a-z0-9_]{0,62}$/;

/** A field of calculated_value as an SQL expression. Names come from classes, not from clients; checked all the same. */
function fieldOf(name: string): string {
  if (!FIELD.test(name)) throw new RangeError(`not a field name: ${name}`);
  return `((r.calculated_value ->> '${name}') collate "C")`;
}

/** Pure, so that it can be read and tested without a server. */
export function listStatement(q: ListQuery, most: number = MAX_LIMIT): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const value = (v: unknown): string => `$${values.push(v)}`;
  const order = fieldOf(q.orderBy);
  const where = [`r.kind = ${value(q.kind)}`, `r.engine = ${value(q.engine)}`, 'not r.deleted', `${order} is not null`];
  for (const [name, wanted] of Object.entries(q.equals)) where.push(`${fieldOf(name)} = ${value(wanted)}`);
  if (q.from !== undefined) where.push(`${order} >= ${value(q.from)}`);
  if (q.to !== undefined) where.push(`${order} < ${value(q.to)}`);
  if (q.expiredTo != null) where.push(`r.position > ${value(q.expiredTo)}`);
  if (q.after !== undefined) {
    const place = `(${value(q.after.order)}, ${value(q.after.businessKey)})`;
    where.push(`(${order}, r.business_key) ${q.descending ? '<' : '>'} ${place}`);
  }
  const direction = q.descending ? 'desc' : 'asc';
  const limit = Math.min(Math.max(q.limit, 0), most);
  return {
    text: `select ${RESULT_COLUMNS} from results r where ${where.join(' and ')}
           order by ${order} ${direction}, r.business_key ${direction} limit ${limit}`,
    values,
  };
}
