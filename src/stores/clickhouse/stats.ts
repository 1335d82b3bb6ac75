/** Statistics over the windows of a symbol: exact decimals, from the rows that FINAL shows, with what makes them judgeable. */
import { micros, position } from '../../position/position.js';
import { CONFIDENCE_LEVELS, weakest, type ConfidenceLevel } from '../../words.js';
import type { Answer, StatsMembers, StatsQuery, StoredResult, SymbolStats } from '../port.js';
import { positionUnknown, query, type ClickhousePlace, type Params, type Row } from './command.js';
import { fromRow, MARK, unmarked } from './document.js';
import type { Meta } from './position.js';
import { answer, listSql } from './read.js';
import { qualified } from './schema.js';

const KIND = 'order_window';

/** A window's key is `<symbol>@<window start>`: the primary key finds the windows without a look at the others. */
const KEYS = `business_key >= concat({symbol:String}, '@', {from:String}) AND business_key < concat({symbol:String}, '@', {to:String})`;

const WINDOWS = `kind = '${KIND}' AND processing_engine = {engine:String} AND NOT deleted AND ${KEYS}
  AND symbol = {symbol:String} AND window_start >= {from:String} AND window_start < {to:String}
  AND position >= {firstAlive:UInt64}`;

const AMOUNTS = ['total_amount', 'min_price', 'max_price'] as const;

/** Windows whose text is not what the column holds: more digits than it has room for, or no number. */
const inexact = (column: string): string =>
  `countIf(ifNull(toString(${column}) != JSONExtractString(calculated_value, '${column}'), true)) AS inexact_${column}`;

const MEMBER = 'pipeline, result_partition, run, `final`, stale, confidence_level, verified';

/** One row per group of members, the mark among them; a handful, so that they are added up here. */
const statsSql = (table: string): string => `SELECT kind, ${MEMBER}, count() AS windows,
    sum(orders_total) AS total, sum(orders_buy) AS buy, sum(orders_sell) AS sell,
    sum(total_amount) AS sum_total_amount, min(min_price) AS min_min_price, max(max_price) AS max_max_price,
    ${AMOUNTS.map(inexact).join(', ')},
    groupUniqArrayArray(reasons) AS all_reasons,
    if(countIf(epoch IS NULL) > 0, NULL, max(epoch)) AS newest_epoch, min(result_offset) AS oldest_offset,
    max(position) AS newest, max(committed_at_us) AS newest_at
  FROM ${table} FINAL WHERE ${MARK} OR (${WINDOWS})
  GROUP BY kind, ${MEMBER}
  ORDER BY kind, ${MEMBER}
  LIMIT {limit:UInt32}`;

/** Runs and partitions of one symbol and range; more means that the answer would not be the whole. */
const MOST_GROUPS = 100_000;

const paramsOf = ({ symbol, engine, from, to, expiredTo }: StatsQuery): Params => ({
  symbol,
  engine,
  from,
  to,
  firstAlive: String(expiredTo == null ? 0 : expiredTo + 1n),
});

/** @throws AppError POSITION_UNKNOWN or STORE_UNAVAILABLE, both retryable */
export const symbolStats = (place: ClickhousePlace, asked: StatsQuery): Promise<Answer<SymbolStats>> =>
  answer(place, async (meta) => {
    const params = { ...paramsOf(asked), limit: MOST_GROUPS };
    const rows = await query(place, statsSql(qualified(place, meta.table)), params);
    if (rows.length === MOST_GROUPS) throw positionUnknown('too many groups for one statistic');
    return statsOf(unmarked(rows, meta.tableUuid));
  });

/** @throws AppError POSITION_UNKNOWN or STORE_UNAVAILABLE, both retryable */
export const history = (
  place: ClickhousePlace,
  asked: StatsQuery & { readonly limit: number },
): Promise<Answer<readonly StoredResult[]>> => answer(place, (meta) => windows(place, meta, asked));

async function windows(
  place: ClickhousePlace,
  meta: Meta,
  asked: StatsQuery & { limit: number },
): Promise<StoredResult[]> {
  const { symbol, ...range } = asked;
  const listed = listSql(
    qualified(place, meta.table),
    { ...range, kind: KIND, equals: { symbol }, orderBy: 'window_start', descending: false },
    KEYS,
  );
  const rows = await query(place, listed.sql, { ...listed.params, symbol });
  return unmarked(rows, meta.tableUuid).map(fromRow);
}

const membersOf = (row: Row): StatsMembers => ({
  pipeline: row['pipeline'],
  resultPartition: row['result_partition'],
  run: row['run'],
  final: row['final'],
  stale: row['stale'],
  cap: row['confidence_level'],
  verified: row['verified'],
  windows: Number(row['windows']),
  newestEpoch: row['newest_epoch'] === null ? null : Number(row['newest_epoch']),
  oldestOffset: Number(row['oldest_offset']),
  newestPosition: position(row['newest']),
  newestCommittedAt: micros(row['newest_at']),
});

export function statsOf(rows: readonly Row[]): SymbolStats {
  const members = rows.map(membersOf);
  const count = (column: string): number => rows.reduce((sum, row) => sum + Number(row[column] ?? 0), 0);
  const exact = (column: (typeof AMOUNTS)[number], from: string, pick: (values: string[]) => string): string | null => {
    if (rows.length === 0 || count(`inexact_${column}`) > 0) return null;
    return pick(rows.map((row) => String(row[from])));
  };
  return {
    windows: count('windows'),
    ordersTotal: count('total'),
    ordersBuy: count('buy'),
    ordersSell: count('sell'),
    totalAmount: exact('total_amount', 'sum_total_amount', (values) =>
      textOf(values.reduce((a, b) => a + unitsOf(b), 0n)),
    ),
    minPrice: exact('min_price', 'min_min_price', (values) =>
      textOf(values.map(unitsOf).reduce((a, b) => (a < b ? a : b))),
    ),
    maxPrice: exact('max_price', 'max_max_price', (values) =>
      textOf(values.map(unitsOf).reduce((a, b) => (a > b ? a : b))),
    ),
    cap: members.length === 0 ? null : members.map(({ cap }) => cap).reduce(weakest, strongest),
    reasons: [...new Set(rows.flatMap((row) => row['all_reasons'] as string[]))].sort(),
    position: members
      .map((group) => group.newestPosition)
      .reduce<SymbolStats['position']>((a, b) => (a !== null && a > b ? a : b), null),
    members,
  };
}

const strongest: ConfidenceLevel = CONFIDENCE_LEVELS[0];

const SCALE = 18;

/** A decimal as a count of its smallest unit, 10^-18. */
export function unitsOf(text: string): bigint {
  const [whole = '0', fraction = ''] = text.replace('-', '').split('.');
  const units = BigInt(whole + fraction.padEnd(SCALE, '0'));
  return text.startsWith('-') ? -units : units;
}

/** Canonical: no exponent, no trailing zeros. */
export function textOf(units: bigint): string {
  const digits = (units < 0n ? -units : units).toString().padStart(SCALE + 1, '0');
  const fraction = digits.slice(-SCALE).replace(/0+$/, '');
  return `${units < 0n ? '-' : ''}${digits.slice(0, -SCALE)}${fraction === '' ? '' : `.${fraction}`}`;
}
