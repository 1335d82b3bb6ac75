/**
 * Reading: position first, then data with FINAL, in one statement with the mark of the table that the position speaks of.
 * The data is then at least as new as the position (contract.md §7).
 */
import { TupleParam } from '@clickhouse/client';
import { AppError } from '../../errors.js';
import { keyOf, type ResultKey } from '../../position/commit-log.js';
import type { Answer, ListQuery, StoredResult } from '../port.js';
import { readApplied } from './binding.js';
import { query, type ClickhousePlace, type Params, type Row } from './command.js';
import { fromRow, MARK, SELECTED, unmarked } from './document.js';
import type { Meta } from './position.js';
import { qualified, TEXT_COLUMNS } from './schema.js';

/** Keys travel in the URL. */
const KEYS_PER_QUERY = 250;

export async function answer<T>(place: ClickhousePlace, data: (meta: Meta) => Promise<T>): Promise<Answer<T>> {
  const once = async (): Promise<Answer<T>> => {
    const meta = await readApplied(place);
    return { applied: meta.applied, data: await data(meta) };
  };
  try {
    return await once();
  } catch (error) {
    // A swap, and the drop of the old table, between the two reads: the position read again knows the new one.
    if (error instanceof AppError && error.code === 'POSITION_UNKNOWN') return once();
    throw error;
  }
}

/** @throws AppError POSITION_UNKNOWN (wiped, being rebuilt for the first time) or STORE_UNAVAILABLE, both retryable */
export const readMany = (
  place: ClickhousePlace,
  keys: readonly ResultKey[],
): Promise<Answer<readonly (StoredResult | null)[]>> =>
  answer(place, async (meta) => {
    const found = new Map<string, StoredResult>();
    const distinct = [...new Map(keys.map((key) => [keyOf(key), key])).values()];
    for (let at = 0; at === 0 || at < distinct.length; at += KEYS_PER_QUERY) {
      for (const row of await readSome(place, meta, distinct.slice(at, at + KEYS_PER_QUERY))) {
        const result = fromRow(row);
        found.set(keyOf(result), result);
      }
    }
    return keys.map((key) => found.get(keyOf(key)) ?? null);
  });

async function readSome(place: ClickhousePlace, meta: Meta, keys: readonly ResultKey[]): Promise<Row[]> {
  const asked = [['', '', ''], ...keys.map(({ kind, engine, businessKey }) => [kind, engine, businessKey])];
  const sql = `SELECT ${SELECTED} FROM ${qualified(place, meta.table)} FINAL
    WHERE (kind, processing_engine, business_key) IN {keys:Array(Tuple(String, String, String))}`;
  return unmarked(await query(place, sql, { keys: asked.map((key) => new TupleParam(key)) }), meta.tableUuid);
}

const FIELD = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The text in a field of calculated_value, null where there is none. */
function field(name: string): string {
  if (!FIELD.test(name)) {
    throw new AppError('LIST_QUERY_INVALID', `A listing can't use the field ${JSON.stringify(name)}.`, {
      retryable: false,
      outcome: 'none',
    });
  }
  if (TEXT_COLUMNS.has(name)) return name;
  return `if(JSONType(calculated_value, '${name}') = 'String', JSONExtractString(calculated_value, '${name}'), NULL)`;
}

/** Strings are compared by their bytes, which is the order that the port asks for. */
export function listSql(table: string, asked: ListQuery, narrowed: string = ''): { sql: string; params: Params } {
  const order = field(asked.orderBy);
  const [direction, beyond] = asked.descending ? ['DESC', '<'] : ['ASC', '>'];
  const params: Record<string, unknown> = { kind: asked.kind, engine: asked.engine, limit: asked.limit + 1 };
  const given = (name: string, value: string, type = 'String'): string => {
    params[name] = value;
    return `{${name}:${type}}`;
  };
  const conditions = [
    `kind = {kind:String} AND processing_engine = {engine:String} AND NOT deleted AND ${order} IS NOT NULL`,
    ...Object.entries(asked.equals).map(([name, value], index) => `${field(name)} = ${given(`equal${index}`, value)}`),
    ...(asked.from === undefined ? [] : [`${order} >= ${given('from', asked.from)}`]),
    ...(asked.to === undefined ? [] : [`${order} < ${given('to', asked.to)}`]),
    ...(asked.expiredTo == null ? [] : [`position > ${given('expiredTo', String(asked.expiredTo), 'UInt64')}`]),
    ...(asked.after === undefined
      ? []
      : [
          `(${order} ${beyond} ${given('afterOrder', asked.after.order)} OR (${order} = {afterOrder:String}
            AND business_key ${beyond} ${given('afterKey', asked.after.businessKey)}))`,
        ]),
    ...(narrowed === '' ? [] : [narrowed]),
  ];
  // The mark comes first, and is not counted.
  const sql = `SELECT ${SELECTED} FROM ${table} FINAL WHERE ${MARK} OR (${conditions.join(' AND ')})
    ORDER BY kind != '', ${order} ${direction}, business_key ${direction} LIMIT {limit:UInt32}`;
  return { sql, params };
}

/** @throws AppError LIST_QUERY_INVALID (not retryable), POSITION_UNKNOWN or STORE_UNAVAILABLE (retryable) */
export const list = (place: ClickhousePlace, asked: ListQuery): Promise<Answer<readonly StoredResult[]>> => {
  field(asked.orderBy);
  return answer(place, async (meta) => {
    const { sql, params } = listSql(qualified(place, meta.table), asked);
    return unmarked(await query(place, sql, params), meta.tableUuid).map(fromRow);
  });
};
