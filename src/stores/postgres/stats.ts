/** Statistics from the source of truth: one statement on one snapshot, in exact numbers. */
import type { Pool } from 'pg';
import { AppError } from '../../errors.js';
import { micros, position } from '../../position/position.js';
import { CONFIDENCE_LEVELS, weakest, type ConfidenceLevel } from '../../words.js';
import type { StatsMembers, StatsQuery, StatsReader, SymbolStats } from '../port.js';
import { listStatement } from './read.js';
import { storedResult, type ResultRow } from './row.js';

const KIND = 'order_window';
const AMOUNTS = ['total_amount', 'min_price', 'max_price'] as const;
type Amount = (typeof AMOUNTS)[number];

/** Canonical, of at most 18 fraction digits: what a statistic may be made of (port.ts, SymbolStats). */
const DECIMAL = String.raw`^(0|-?[1-9]\d*|-?(0|[1-9]\d*)\.\d{0,17}[1-9])$`;

const text = (field: string): string => `(r.calculated_value ->> '${field}')`;
/** In a CASE, so that what is no number is never cast. */
const exact = (field: Amount): string => `case when ${text(field)} ~ $5 then ${text(field)}::numeric end`;
const count = (field: string): string =>
  `coalesce(sum(case when ${text(field)} ~ '^\\d{1,15}$' then ${text(field)}::bigint end), 0)`;

const MEMBER = `r.pipeline, r.result_partition, r.run, r.final, r.stale, r.cap, (r.cause = 'REPROCESSED')`;

const SQL = `
  select ${MEMBER} as verified, count(*) as windows,
    ${count('orders_total')} as orders_total, ${count('orders_buy')} as orders_buy, ${count('orders_sell')} as orders_sell,
    sum(${exact('total_amount')}) as total_amount, min(${exact('min_price')}) as min_price, max(${exact('max_price')}) as max_price,
    ${AMOUNTS.map((field) => `count(*) filter (where ${exact(field)} is null) as inexact_${field}`).join(', ')},
    case when count(*) = count(r.epoch) then max(r.epoch) end as newest_epoch, min(r.result_offset) as oldest_offset,
    max(r.position) as newest, max(r.committed_at_us) as newest_at,
    coalesce((select json_agg(distinct reason) from unnest(string_to_array(string_agg(array_to_string(r.reasons, ','), ','), ',')) reason
       where reason <> ''), '[]') as reasons
  from results r
  where r.kind = '${KIND}' and r.engine = $1 and not r.deleted and (${text('symbol')} collate "C") = $2
    and (${text('window_start')} collate "C") >= $3 and (${text('window_start')} collate "C") < $4
    and r.position > $6
  group by ${MEMBER}`;

interface Group {
  pipeline: string;
  result_partition: number;
  run: string;
  final: boolean;
  stale: boolean;
  cap: ConfidenceLevel;
  verified: boolean;
  newest_epoch: string | null;
  oldest_offset: string;
  windows: string;
  orders_total: string;
  orders_buy: string;
  orders_sell: string;
  total_amount: string | null;
  min_price: string | null;
  max_price: string | null;
  inexact_total_amount: string;
  inexact_min_price: string;
  inexact_max_price: string;
  newest: string;
  newest_at: string;
  reasons: string[];
}

export function createPostgresStats(pool: Pool): StatsReader {
  async function rows<T extends object>(sql: string, values: unknown[]): Promise<T[]> {
    try {
      return (await pool.query<T>(sql, values)).rows;
    } catch (cause) {
      throw new AppError('STORE_UNAVAILABLE', 'Postgres did not answer.', { retryable: true, outcome: 'none', cause });
    }
  }

  return {
    store: 'POSTGRES',

    async symbolStats({ engine, symbol, from, to, expiredTo }: StatsQuery) {
      const values = [engine, symbol, from, to, DECIMAL, expiredTo ?? -1];
      return { applied: null, data: statsOf(await rows<Group>(SQL, values)) };
    },

    async history({ symbol, ...query }) {
      const limit = query.limit;
      const asked = listStatement(
        { ...query, kind: KIND, equals: { symbol }, orderBy: 'window_start', descending: false },
        limit,
      );
      return { applied: null, data: (await rows<ResultRow>(asked.text, asked.values)).map(storedResult) };
    },
  };
}

function statsOf(groups: readonly Group[]): SymbolStats {
  const members = groups.map(memberOf);
  const sum = (of: (group: Group) => string): number => groups.reduce((total, group) => total + Number(of(group)), 0);
  const amount = (field: Amount, pick: (values: bigint[]) => bigint): string | null => {
    if (groups.length === 0 || sum((group) => group[`inexact_${field}`]) > 0) return null;
    return textOf(pick(groups.map((group) => unitsOf(group[field] ?? '0'))));
  };
  return {
    windows: sum((group) => group.windows),
    ordersTotal: sum((group) => group.orders_total),
    ordersBuy: sum((group) => group.orders_buy),
    ordersSell: sum((group) => group.orders_sell),
    totalAmount: amount('total_amount', (values) => values.reduce((a, b) => a + b)),
    minPrice: amount('min_price', (values) => values.reduce((a, b) => (a < b ? a : b))),
    maxPrice: amount('max_price', (values) => values.reduce((a, b) => (a > b ? a : b))),
    cap:
      members.length === 0
        ? null
        : members.map(({ cap }) => cap).reduce<ConfidenceLevel>(weakest, CONFIDENCE_LEVELS[0]),
    reasons: [...new Set(groups.flatMap((group) => group.reasons))].sort(),
    position: members
      .map((group) => group.newestPosition)
      .reduce<SymbolStats['position']>((a, b) => (a !== null && a > b ? a : b), null),
    members,
  };
}

const memberOf = (group: Group): StatsMembers => ({
  pipeline: group.pipeline,
  resultPartition: group.result_partition,
  run: group.run,
  final: group.final,
  stale: group.stale,
  cap: group.cap,
  verified: group.verified,
  windows: Number(group.windows),
  newestEpoch: group.newest_epoch === null ? null : Number(group.newest_epoch),
  oldestOffset: Number(group.oldest_offset),
  newestPosition: position(group.newest),
  newestCommittedAt: micros(group.newest_at),
});

const SCALE = 18;

/** A decimal as a count of its smallest unit, 10^-18. */
function unitsOf(decimal: string): bigint {
  const [whole = '0', fraction = ''] = decimal.replace('-', '').split('.');
  const units = BigInt(whole + fraction.padEnd(SCALE, '0'));
  return decimal.startsWith('-') ? -units : units;
}

/** Canonical: no exponent, no trailing zeros. */
function textOf(units: bigint): string {
  const digits = (units < 0n ? -units : units).toString().padStart(SCALE + 1, '0');
  const fraction = digits.slice(-SCALE).replace(/0+$/, '');
  return `${units < 0n ? '-' : ''}${digits.slice(0, -SCALE)}${fraction === '' ? '' : `.${fraction}`}`;
}
