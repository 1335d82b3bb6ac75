import { number, betweenMs, bytes, duration, freshnessOf, OLD_AFTER_MS, stalenessNow } from './age.js';
import type { PipelineStatus, ResultNode, StalenessEvent, StoreStatus } from './queries.js';
import { hashOf, routeOf } from './route.js';
import { comparedFields, countsOf, holdingInWords, resultsOf, valueInWords } from './rows.js';
import { agesOf, pipelinesInWords, storesInWords, subjectOf } from './summary.js';
import {
  adviceInWords,
  faultGroups,
  faultInWords,
  isLevel,
  reasonInWords,
  stateInWords,
  typeInWords,
  verdictInWords,
} from './words.js';

test('an address says the page and what is chosen on it; one that nobody knows is the first page', () => {
  const route = { page: 'key', query: { kind: 'order_window', key: 'A&B@2026-01-05T09:00:00.000Z' } } as const;
  expect(routeOf(hashOf(route))).toEqual(route);
  expect(hashOf({ page: 'keys', query: { level: '', engine: 'FLINK' } })).toBe('#/keys?engine=FLINK');
  expect(routeOf('')).toEqual({ page: 'stores', query: {} });
  expect(routeOf('#/nothing?x=1').page).toBe('stores');
});

test('a duration is never said to be shorter than it is', () => {
  const said = [0, 0.2, 999.1, 1_000, 1_001, 9_901, 12_000.5, 60_000, 61_000, 3_600_000, 7_501_000].map(duration);
  expect(said).toEqual([
    '0 ms',
    '1 ms',
    '1000 ms',
    '1.0 s',
    '1.1 s',
    '10.0 s',
    '13 s',
    '1 min',
    '1 min 1 s',
    '1 h',
    '2 h 5 min',
  ]);
});

test('staleness grows with the time since the question; what is unknown stays unknown', () => {
  expect([stalenessNow(100, 250.2), stalenessNow(null, 250)]).toEqual([351, null]);
  expect(betweenMs('2026-01-05T09:00:00.000Z', '2026-01-05T09:00:02.500Z')).toBe(2_500);
  expect([betweenMs(null, '2026-01-05T09:00:00Z'), betweenMs('2026-01-05T09:00:00Z', null)]).toEqual([null, null]);
  // One reading is a little ahead of the other: nothing is younger than now.
  expect(betweenMs('2026-01-05T09:00:02Z', '2026-01-05T09:00:00Z')).toBe(0);
});

test('figures are old three seconds after they were asked for, and not before', () => {
  expect([null, 0, OLD_AFTER_MS, OLD_AFTER_MS + 1].map((age) => freshnessOf(age, false))).toEqual([
    'waiting',
    'fresh',
    'fresh',
    'old',
  ]);
  expect(freshnessOf(60_000, true)).toBe('paused');
});

test('numbers keep all their digits', () => {
  expect(number('12345678901234567890')).toBe('12 345 678 901 234 567 890'.replaceAll(' ', '\u202f'));
  expect([number(999), number(null), bytes('512'), bytes('2048'), bytes('3670016'), bytes(null)]).toEqual([
    '999',
    null,
    '512 B',
    '2.0 KiB',
    '3.5 MiB',
    null,
  ]);
});

test('a reason is told in the server’s words, one of the page’s own in the client’s, and what to do about each', () => {
  const said = [{ code: 'STORE_BEHIND', message: 'It lags.' }];
  expect(reasonInWords('STORE_BEHIND', said)).toBe('It lags.');
  expect(reasonInWords('CLIENT_AGED', said)).toMatch(/kept for longer/);
  expect(reasonInWords('NEVER_HEARD_OF', said)).toBe('NEVER_HEARD_OF');
  expect(adviceInWords('STORE_BEHIND')).toMatch(/Another store/);
  expect(adviceInWords('NEVER_HEARD_OF')).toBe('Neither waiting nor asking again helps.');
  expect([typeInWords('CDC_PAUSED'), typeInWords('CONFIDENCE_LOWERED'), stateInWords('SOMETHING')]).toEqual([
    'CDC paused',
    'Confidence lowered',
    'SOMETHING',
  ]);
  expect([isLevel('LOW'), isLevel('low'), isLevel(undefined)]).toEqual([true, false, false]);
});

const store = (change: Partial<StoreStatus>): StoreStatus => ({
  store: 'MONGODB',
  healthy: true,
  appliedPosition: '7',
  behindBy: '0',
  stalenessMs: 90,
  detail: null,
  ...change,
});

test('the sentence about the stores names each that is in trouble, and does not change with every millisecond', () => {
  expect(storesInWords([store({}), store({ stalenessMs: 4_999 })])).toBe(
    '✓ All 2 stores are healthy and less than 5 s behind.',
  );
  expect(storesInWords([store({ stalenessMs: 5_001 }), store({ store: 'CLICKHOUSE', healthy: false })])).toBe(
    '✗ MongoDB is more than 5 s behind. ClickHouse is not healthy.',
  );
  expect(storesInWords([store({ stalenessMs: null })])).toBe('✗ Nobody knows how far behind MongoDB is.');
  expect(storesInWords([])).toBe('The server knows no store.');
});

test('ages of a pipeline are by the server’s clock; its sentence names what is wrong', () => {
  const pipeline = {
    name: 'orders-flink',
    state: 'RUNNING',
    conditions: [] as string[],
    lastHeartbeatTime: '2026-01-05T09:00:00.000Z',
    lastCheckpointSeenTime: null,
    sourceAsOf: '2026-01-05T08:59:59.000Z',
  } as unknown as PipelineStatus;
  expect(agesOf(pipeline, '2026-01-05T09:00:01.000Z')).toEqual({
    heartbeatMs: 1_000,
    checkpointMs: null,
    sourceMs: 2_000,
  });
  expect(agesOf(pipeline, null)).toEqual({ heartbeatMs: null, checkpointMs: null, sourceMs: null });
  expect(pipelinesInWords([pipeline])).toBe('✓ The pipeline runs.');
  expect(pipelinesInWords([pipeline, { ...pipeline, state: 'SILENT', conditions: ['CHECKPOINT_OVERDUE'] }])).toBe(
    '✗ orders-flink is silent: no heartbeat for too long. orders-flink: CHECKPOINT_OVERDUE.',
  );
  expect(pipelinesInWords([])).toBe('No pipeline has ever been heard of.');
});

const result = (change: Readonly<Record<string, unknown>>): ResultNode =>
  ({
    kind: 'order',
    businessKey: 'o-1',
    engine: 'FLINK',
    updatedAt: '2026-01-05T09:00:00.000Z',
    shown: { value: 'FILLED' },
    symbol: { value: 'A' },
    side: { value: 'BUY' },
    quantity: { value: 7 },
    price: { value: '1.50' },
    ...change,
  }) as unknown as ResultNode;

test('both engines’ results stand in one order: the newest change first, equal ones by key and engine', () => {
  const connection = (...nodes: ResultNode[]) => ({
    edges: nodes.map((node) => ({ node })),
    contract: { confidenceLevel: 'HIGH' as const, reasons: [] },
  });
  const newer = result({ businessKey: 'o-9', updatedAt: '2026-01-05T09:00:01.000Z' });
  const other = result({ engine: 'KAFKA_ONLY' });
  expect(resultsOf({ flink: connection(result({})), kafkaOnly: connection(other, newer) })).toEqual([
    newer,
    result({}),
    other,
  ]);
  expect(resultsOf({ flink: null })).toEqual([]);
  expect(countsOf(['HIGH', 'LOW', 'HIGH'])).toEqual({ HIGH: 2, EVENTUALLY_CONSISTENT: 0, LOW: 1 });
});

test('each kind of result is told in one line, with what is missing shown as missing', () => {
  expect(valueInWords(result({}))).toBe('A: BUY 7 @ 1.50, FILLED');
  const window = { kind: 'order_window', shown: { value: 3 }, ordersBuy: { value: 2 }, totalAmount: { value: null } };
  expect(valueInWords({ ...result({}), ...window } as unknown as ResultNode)).toBe('3 orders (2 buy, – sell), total –');
  const anomaly = { kind: 'anomaly', shown: { value: '1000' }, threshold: { value: '500' } };
  expect(valueInWords({ ...result({}), ...anomaly } as unknown as ResultNode)).toBe('A: 1000, limit 500');
});

test('side by side, a field differs only where two that have a value disagree', () => {
  expect(comparedFields([{ a: 1, b: '2' }, null, { a: 1, b: '3', c: null }])).toEqual([
    { field: 'a', cells: ['1', null, '1'], differs: false },
    { field: 'b', cells: ['2', null, '3'], differs: true },
    { field: 'c', cells: ['–', null, '–'], differs: false },
  ]);
  const answer = { store: 'MONGODB', available: true, present: true, deleted: false, value: null } as const;
  expect(
    [answer, { ...answer, deleted: true }, { ...answer, present: false }, { ...answer, available: false }].map(
      holdingInWords,
    ),
  ).toEqual(['holds it', 'holds it, deleted', 'has none', 'did not answer']);
});

test('an event is of its result, else of its store, else of its pipeline', () => {
  const event = {
    kind: 'order',
    businessKey: 'o-1',
    engine: 'FLINK',
    store: null,
    pipeline: 'orders-flink',
  } as StalenessEvent;
  expect(subjectOf(event)).toBe('o-1 (Flink)');
  expect(subjectOf({ ...event, businessKey: null })).toBe('orders-flink');
  expect(subjectOf({ ...event, businessKey: null, store: 'MONGODB' })).toBe('MongoDB');
});

test('a fault says what it does, how it stands, and until when; they are shown by whom they hit', () => {
  const fault = (name: string, state: string, healsAt: string | null = null) => ({ name, state, healsAt, error: null });
  const kill = fault('kill kafka', 'ON', '2026-01-05T09:00:20.000Z');
  const others = [
    fault('freeze kafka', 'INJECTING'),
    fault('cdc-pause', 'HEALING'),
    fault('kill-at-commit taskmanager', 'OFF'),
  ];
  expect([kill, ...others].map(faultInWords)).toEqual([
    'kill kafka: on, until 09:00:20 UTC',
    'freeze kafka: begins',
    'cdc pause: is being mended',
    'kill at commit taskmanager',
  ]);
  expect(faultGroups([kill, ...others]).map(([victim, own]) => [victim, own.length])).toEqual([
    ['kafka', 2],
    ['change data capture', 1],
    ['taskmanager', 1],
  ]);
});

test('a run in which nothing was false and that is not true says why', () => {
  const run = {
    ...{ id: 'a', what: 'Lab', date: '', seed: 1, commit: '', minutes: 1, faults: 1, claims: 9 },
    ...{ verdict: 'true', falseClaims: 0, limitsMissed: 0 },
  };
  expect(verdictInWords(run)).toBe('✓ true');
  expect(verdictInWords({ ...run, verdict: 'false', limitsMissed: 4 })).toBe('✗ false: 4 limits of usefulness missed');
  expect(verdictInWords({ ...run, verdict: 'false', falseClaims: 1, limitsMissed: 4 })).toBe('✗ false');
  expect(verdictInWords({ ...run, verdict: 'unknown' })).toBe('? unknown');
});
