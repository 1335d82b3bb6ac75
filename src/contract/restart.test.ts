/** What a restart of the Kafka-only processor may have lost, and what it can't have: nulls and sets of windows (ADR 5, ADR 6). */
import { NOTHING_EXPIRED } from '../position/expiry.js';
import { assess } from './assess.js';
import { NO_LETTERS } from './dead-letters.js';
import { ofRow, ofSet, type ReadEvidence } from './evidence.js';
import { pipelineFacts } from './pipeline-facts.js';
import type { Proof } from './proof-port.js';

const BEFORE = '2026-01-05T09:02:00.000Z';
interface Begin {
  readonly startOffset: number;
  readonly maxEventTimeBefore?: string | null;
}

/** Reasons of a null, or a set, of a processor whose runs began so. */
function reasons(
  begins: readonly Begin[],
  kind: string,
  of: { key: string } | { from: string; orderBy?: string } | null,
): boolean {
  const assignments = Object.fromEntries(begins.map((begin, p) => [p, { run: 'b', ...begin }]));
  const facts = pipelineFacts([
    {
      pipeline: 'p',
      result_topic: 't',
      result_partition: 0,
      engine: 'KAFKA_ONLY',
      position: 1,
      facts: { assignments, heartbeats: {} },
    },
  ]);
  const lastProof = { pipelines: facts, expiry: NOTHING_EXPIRED, letters: NO_LETTERS } as unknown as Proof;
  const bounds = { pipelineSilentMs: 1, staleMs: 1 };
  const rest = { store: 'POSTGRES', scope: 'STRONG', applied: null, lastCdcSync: null, now: null } as const;
  const read: ReadEvidence = { ...rest, proof: null, lastProof, bounds };
  const range = of === null || 'key' in of ? null : { orderBy: 'window_start', ...of };
  const asked =
    of !== null && 'key' in of
      ? ofRow(read, { kind, businessKey: of.key, engine: 'KAFKA_ONLY' }, null)
      : ofSet(read, kind, 'KAFKA_ONLY', range);
  return assess(asked).reasons.includes('RESTART_DUPLICATION');
}

const resumed = { startOffset: 9, maxEventTimeBefore: BEFORE };
const window = (time: string): { key: string } => ({ key: `S@2026-01-05T${time}.000Z` });

test('a window that begins later than all that was read before the run is not held to its restart', () => {
  expect(reasons([resumed], 'order_window', window('09:05:00'))).toBe(false);
  expect(reasons([resumed], 'order_window', { from: '2026-01-05T09:05:00.000Z' })).toBe(false);
  expect(reasons([{ startOffset: 0 }], 'order_window', window('09:00:00'))).toBe(false);
  expect(reasons([{ startOffset: 0, maxEventTimeBefore: null }, resumed], 'order_window', window('09:05:00'))).toBe(
    false,
  );
});

test.each([
  ['it begins before', [resumed], 'order_window', window('09:00:00')],
  [
    'it begins with the newest event before',
    [{ ...resumed, maxEventTimeBefore: '2026-01-05T09:05:00.000Z' }],
    'order_window',
    window('09:05:00'),
  ],
  [
    'one partition had newer ones',
    [resumed, { startOffset: 1, maxEventTimeBefore: '2026-01-05T09:06:00.000Z' }],
    'order_window',
    window('09:05:00'),
  ],
  [
    'of one partition nobody knows',
    [resumed, { startOffset: 1, maxEventTimeBefore: null }],
    'order_window',
    window('09:05:00'),
  ],
  ['what an older release wrote does not say', [{ startOffset: 9 }], 'order_window', window('09:05:00')],
  ['a set of all windows', [resumed], 'order_window', null],
  ['a set that begins before', [resumed], 'order_window', { from: BEFORE }],
  ['a set by another field', [resumed], 'order_window', { from: '2026-01-05T09:05:00.000Z', orderBy: 'event_time' }],
  ['the key does not say when it begins', [resumed], 'order', { key: 'order-1' }],
  [
    'an anomaly may rest on an older order',
    [resumed],
    'anomaly',
    { from: '2026-01-05T09:05:00.000Z', orderBy: 'detected_at' },
  ],
] as const)('a null or a set is held to the restart: %s', (_, begins, kind, of) => {
  expect(reasons(begins, kind, of)).toBe(true);
});
