/** Records and rows as the decision's tests speak of them. */
import { micros } from '../../position/position.js';
import { NO_FACTS, type IncomingResult, type PipelineFacts, type ResultState } from '../state.js';

export const AT = micros(1_000_000);
export const stamp = (run: string, seq: number | null): IncomingResult['stamp'] => ({
  pipeline: 'p',
  engine: 'KAFKA_ONLY',
  run,
  subtask: 0,
  seq,
  offset: 0,
  lineage: [],
  epoch: null,
  delivery: 'AT_LEAST_ONCE',
  transactional: false,
  completed: null,
  intervalMs: null,
});

export const state = (over: Partial<ResultState> = {}): ResultState => ({
  kind: 'order_window',
  businessKey: 'S@09:00',
  engine: 'KAFKA_ONLY',
  calculatedValue: { orders_total: 1 },
  deleted: false,
  final: false,
  stale: false,
  cap: 'HIGH',
  reasons: [],
  pipeline: 'p',
  resultPartition: 0,
  run: 'a',
  revision: 1,
  coverage: { '0': [0, 5] },
  lastCheckpointTime: null,
  digest: '1',
  epoch: null,
  resultOffset: 0,
  verified: false,
  events: null,
  taints: {},
  verification: null,
  verifiedTo: null,
  decided: null,
  ...over,
});
export const incoming = (over: Partial<IncomingResult> = {}, row: Partial<ResultState> = {}): IncomingResult => {
  const run = over.stamp?.run ?? 'a';
  return {
    type: 'result',
    ordinal: 0,
    offset: 0n,
    stamp: stamp(run, 2),
    arrival: 'IN_ORDER',
    verification: null,
    resetBy: null,
    redelivered: false,
    lost: false,
    begins: '2026-01-05T09:00:00.000Z',
    state: state({ run, ...row }),
    ...over,
  };
};
export const owning = (run: string, startOffset = 0, maxEventTimeBefore: string | null = null): PipelineFacts => ({
  ...NO_FACTS,
  assignments: { '0': { run, startOffset, maxEventTimeBefore } },
  lastSeq: { [`${run}/0`]: 2 },
});
