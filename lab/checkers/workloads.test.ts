import { historyOf, type Answer, type Contract, type History, type Line, type Needs } from '../history/types.js';
import { checkersOf } from './index.js';
import { requirements } from './requirements.js';
import { conservedTotal, perKeySequence, SEQUENCES, TRANSFERS } from './workloads.js';

const START = '2026-01-05T09:00:00.000Z';
const AT = '2026-01-05T09:00:01.000Z';
const INSTANT = { mono: 0, wall: 0 };

const event = (offset: number, rest: Record<string, unknown>): Line => ({
  ...{ type: 'event', partition: 0, offset, key: 'k', appendedAtMs: Date.parse(AT) },
  value: JSON.stringify({
    event_id: `00000000-0000-4000-8000-${String(offset).padStart(12, '0')}`,
    ...{
      side: 'BUY',
      quantity: 1,
      price: '1',
      status: 'PENDING',
      op: 'c',
      event_time: AT,
      produce_time: AT,
      version: 1,
    },
    ...rest,
  }),
});

interface Row {
  readonly kind: string;
  readonly key: string;
  readonly value: Record<string, unknown>;
  readonly position: number;
  readonly cap?: 'HIGH' | 'LOW';
}
const idOf = ({ kind, key }: Row) => ({ kind, engine: 'FLINK', businessKey: key }) as const;

/** Accepted at their positions; the newest of each key is what the store holds. */
function world(events: readonly Line[], rows: readonly Row[], held = rows): History {
  const run = { pipeline: 'p', resultPartition: 0, run: 'r', revision: 1, coverage: { '0': [0, 9] } } as const;
  const newest = [...new Map(held.map((row) => [row.key, row])).values()];
  const meta = { type: 'meta', run: 'world', started: INSTANT, windowMs: 300_000, stores: ['POSTGRES'] } as const;
  return historyOf([
    { ...meta, notes: { workloads: [TRANSFERS, SEQUENCES] } },
    ...events,
    ...rows.map((row): Line => {
      const document = { ...idOf(row), value: row.value, deleted: false, final: false, stale: false, reasons: [] };
      const truth = { position: row.position, committedAtUs: row.position, incarnation: 'i' };
      return { type: 'truth', ...truth, documents: [{ ...document, cap: row.cap ?? 'HIGH', ...run }] };
    }),
    { type: 'quiet', at: 100 },
    ...newest.map((row): Line => {
      const stored = { value: row.value, deleted: false, position: row.position, cap: row.cap ?? 'HIGH' } as const;
      return { type: 'stored', store: 'POSTGRES', ...idOf(row), ...stored };
    }),
    { type: 'dumped', store: 'POSTGRES', rows: newest.length },
  ]);
}

const window = (symbol: string, buys: number, sells: number, cap: 'HIGH' | 'LOW' = 'HIGH'): Row => ({
  ...{ kind: 'order_window', key: `${symbol}@${START}`, position: 1, cap },
  value: { symbol, orders_buy: buys, orders_sell: sells },
});
const TRANSFER = [
  event(0, { order_id: 't-1-out', symbol: 'ACC0', side: 'SELL' }),
  event(1, { order_id: 't-1-in', symbol: 'ACC1', side: 'BUY' }),
];
const said = ({ verdict, violations, unknown }: ReturnType<typeof conservedTotal>) => [
  ...[verdict, violations.map(({ sentence }) => sentence), Object.keys(unknown).length > 0],
];

describe('a conserved total', () => {
  test('holds over all accounts, and not over what lacks half of a transfer', () => {
    const both = world(TRANSFER, [window('ACC0', 0, 1), window('ACC1', 1, 0)]);
    expect(said(conservedTotal(both))).toEqual(['true', [], false]);
    expect(said(conservedTotal(world(TRANSFER, [window('ACC0', 0, 1)])))).toEqual(['false', ['total'], false]);
    const twice = world(TRANSFER, [window('ACC0', 0, 2), window('ACC1', 2, 0)]);
    expect(said(conservedTotal(twice))).toEqual(['false', ['total'], false]);
  });
  test('is not judged where a member says that it may be wrong, or the source itself lacks a half', () => {
    const low = world(TRANSFER, [window('ACC0', 0, 1), window('ACC1', 0, 0, 'LOW')]);
    expect(said(conservedTotal(low))).toEqual(['unknown', [], true]);
    expect(said(conservedTotal(world(TRANSFER.slice(1), [window('ACC1', 1, 0)])))).toEqual(['unknown', [], true]);
  });
});

describe('a sequence', () => {
  const events = [1, 2, 3].map((version) => event(version, { order_id: 'SEQ-a-0', symbol: 'SEQ0', version }));
  const order = (version: number, position: number, cap?: Row['cap']): Row => ({
    ...{ kind: 'order', key: 'SEQ-a-0', position, ...(cap && { cap }) },
    value: { version },
  });
  test('goes forward, perhaps by leaps, and ends with what was written last', () => {
    expect(said(perKeySequence(world(events, [order(1, 1), order(3, 2)])))).toEqual(['true', [], false]);
  });
  test('that goes back, or stops before its end, is found', () => {
    const back = world(events, [order(2, 1), order(1, 2), order(3, 3)]);
    expect(said(perKeySequence(back))).toEqual(['false', ['never-back'], false]);
    const recounted = world(events, [order(2, 1), order(1, 2, 'LOW'), order(3, 3)]);
    expect(said(perKeySequence(recounted))).toEqual(['true', [], false]);
    const short = world(events, [order(1, 1), order(3, 2)], [order(1, 1)]);
    expect(said(perKeySequence(short))).toEqual(['false', ['newest-stays'], false]);
  });
});

describe('requirements', () => {
  const contract: Contract = {
    ...({
      level: 'EVENTUALLY_CONSISTENT',
      scope: 'EVENTUAL',
      servedBy: 'MONGODB',
      position: 1,
      provenAt: 1,
      asOf: START,
    } as const),
    ...{
      sourceAsOf: null,
      stalenessMs: 700,
      stale: false,
      lastCheckpointTime: null,
      lastCdcSyncTime: START,
      reasons: [],
    },
  };
  const asked = (needs: Needs, over: Partial<Answer> = {}): ReturnType<typeof said> => {
    const claim = { subject: 'row', kind: 'order', engine: 'FLINK', businessKey: 'o', value: {}, contract } as const;
    const answer: Answer = {
      ...{ type: 'answer', id: 1, session: 's', server: 'a', started: INSTANT, ended: INSTANT, query: 'order' },
      ...{ asked: null, atLeast: null, needs, claims: [claim], ...over },
    };
    return said(requirements(historyOf([...world([], []).truth, answer, metaOnly()])));
  };
  const metaOnly = (): Line => ({ ...world([], []).meta });
  test('that are met hold, that are not are found, unless it was asked for the best there is and said so', () => {
    expect(asked({ minConfidence: 'EVENTUALLY_CONSISTENT', maxStalenessMs: 700, onUnmet: 'ERROR' })[0]).toBe('true');
    for (const needs of [{ minConfidence: 'HIGH' }, { maxStalenessMs: 699 }] as const) {
      expect(asked({ ...needs, onUnmet: 'ERROR' })).toEqual(['false', ['met-or-withheld'], false]);
      expect(asked({ ...needs, onUnmet: 'ERROR' }, { unmet: true })[0]).toBe('false');
      expect(asked({ ...needs, onUnmet: 'FALLBACK' })).toEqual(['false', ['met-or-said'], false]);
      expect(asked({ ...needs, onUnmet: 'FALLBACK' }, { unmet: true })[0]).toBe('true');
    }
  });
});

test('workloads are judged where they were written, and nowhere else', () => {
  const all = world([], []);
  expect(checkersOf(all)).toContain(conservedTotal);
  expect(checkersOf({ ...all, meta: { ...all.meta, notes: {} } })).not.toContain(conservedTotal);
});
