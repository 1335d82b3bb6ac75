/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call -- a body's shape depends on its query; it is compared whole */
/** `explain` over the API: why a result has its level, from whichever store answered, also while others do not. */
import { AppError } from '../errors.js';
import { decidedBy, writeDecided } from '../decision/decided.js';
import type { Observation } from '../decision/observe.js';
import { READ_TIME_RULES } from '../decision/read-rules.js';
import { DECISION_TABLE } from '../decision/table.js';
import { derive, follows, type LabelRecord } from '../explain/record.js';
import { REMEDY_ACTORS, remediesOf } from '../explain/remedies.js';
import { position } from '../position/position.js';
import { REASONS } from '../words.js';
import { request } from './testing/fake-audit.js';
import { fact } from './testing/fake-proofs.js';
import { appliedAt, committedAt, windowRow } from './testing/fake-store.js';
import { startServer, type Harness } from './testing/harness.js';

let server: Harness;
beforeEach(async () => {
  server = await startServer({ decisionTable: [...DECISION_TABLE, ...READ_TIME_RULES] });
});
afterEach(() => server.close());

const KEY = '005930@2026-01-05T09:00:00.000Z';
const explained = async (args = ''): Promise<{ data: any; errors?: any; extensions: any }> => {
  const rule = 'stage scenario decision level holds reason { code } inputs thresholds';
  const { body } = await server.query(`{ explain(kind: "order_window", businessKey: "${KEY}"${args}) {
    kind businessKey engine present contract { confidenceLevel servedBy reasons { code } stale asOf provenAt }
    decidedBy { ${rule} } rules { ${rule} } evidence { run events digest }
    history { changes { id type at position ofTheRow store run levelBefore levelAfter reasons { code } scenarios message } hasMore firstPosition prunedTo }
    stores { store available present value { value confidenceLevel reasons { code } } }
    toHigh { reason { code } by what notBefore } highNotBefore
    reprocessing { id state } record reproduced
  } }`);
  return body;
};

const IN_ORDER: Observation = {
  engine: 'FLINK',
  arrival: 'IN_ORDER',
  sink: 'FINAL',
  run: 'CURRENT',
  begun: 'IN_RUN',
  stored: 'NEW_KEY',
  compared: 'NONE',
  seq: 'GAPLESS',
  revision: 'FORWARD',
  coverage: 'KNOWN',
  lost: 'NONE',
  earlier: 'KNOWN',
  tainted: 'NO',
  lineage: 'KNOWN',
  epoch: 'KNOWN',
  delivery: 'KNOWN',
  digest: 'KNOWN',
  interval: 'KNOWN',
};
const flink = (over: Parameters<typeof windowRow>[0] = {}) =>
  windowRow({ engine: 'FLINK', pipeline: 'orders-flink', cap: 'HIGH', reasons: [], epoch: 39, ...over });

/** What Postgres has written down about the row. */
function written(row: ReturnType<typeof flink>, over: Partial<Observation> = {}, held: readonly string[] = []): void {
  const { kind, businessKey, engine } = row;
  const decided = writeDecided(decidedBy({ ...IN_ORDER, ...over }, held));
  server.audit.decided = [{ kind, businessKey, engine, position: row.position, decided, firstPosition: position(80) }];
  server.audit.rested = [
    {
      kind,
      businessKey,
      engine,
      position: row.position,
      cause: 'IN_ORDER',
      digest: '7',
      events: 3,
      duplicatesDropped: 0,
      maxEventTime: null,
    },
  ];
}

test('a HIGH names the rule that gave it, what each store holds, and nothing that is left to do; it follows from its record', async () => {
  server.proofs.pipelines = [fact(), fact({}, 'FLINK')];
  const row = flink();
  server.postgres.hold(row);
  server.mongodb.hold(row);
  written(row);
  const { data, errors, extensions } = await explained();
  expect(errors).toBeUndefined();
  const { record, rules, history, ...rest } = data.explain;
  const rule = {
    stage: 'WRITE',
    scenario: 'in order, exactly-once sink seen under read_committed',
    decision: 'confidence = HIGH: final on arrival',
    level: 'HIGH',
    holds: true,
    reason: null,
    inputs: { arrival: 'IN_ORDER', sink: 'FINAL' },
    thresholds: {},
  };
  const contract = { confidenceLevel: 'HIGH', reasons: [] };
  expect(rest).toEqual({
    kind: 'order_window',
    businessKey: KEY,
    engine: 'FLINK',
    present: true,
    contract: { ...contract, servedBy: 'POSTGRES', stale: false, asOf: '2026-01-01T00:01:40.000Z', provenAt: '100' },
    decidedBy: rule,
    evidence: { run: 'run-1', events: '3', digest: '7' },
    stores: ['POSTGRES', 'MONGODB'].map((store) => ({
      store,
      available: true,
      present: true,
      value: { value: row.calculatedValue, ...contract },
    })),
    toHigh: [],
    highNotBefore: null,
    reprocessing: null,
    reproduced: true,
  });
  expect(rules).toEqual([rule]);
  expect(history).toEqual({ changes: [], hasMore: false, firstPosition: '80', prunedTo: '0' });
  expect(derive(record as LabelRecord).contract.confidenceLevel).toBe('HIGH');
  expect(extensions.consistency.contracts.flatMap((own: { paths: string[] }) => own.paths).sort()).toEqual([
    'explain.contract',
    'explain.stores.0.value',
    'explain.stores.1.value',
  ]);
});

test('a store that is behind: its rule with what it measured, Postgres’ own label beside it, and when it could be HIGH', async () => {
  server.proofs.pipelines = [fact({}, 'FLINK')];
  const row = flink({ position: position(99) });
  server.postgres.hold(row);
  server.mongodb.hold(flink());
  server.mongodb.applied = appliedAt(97);
  server.proofs.change(row, 99);
  written(row);
  const { explain } = (await explained(', store: MONGODB')).data;
  expect(explain.contract).toMatchObject({ confidenceLevel: 'EVENTUALLY_CONSISTENT', servedBy: 'MONGODB' });
  expect(explain.decidedBy).toEqual({
    stage: 'READ',
    scenario: 'CDC delay: a change of the key is in flight',
    decision: 'marked EVENTUAL; stale beyond the bound of the store',
    level: 'EVENTUALLY_CONSISTENT',
    holds: true,
    reason: { code: 'STORE_BEHIND' },
    inputs: { changedAt: '99', appliedPosition: '97', ageMs: 4000 },
    thresholds: { staleMs: 5000 },
  });
  expect(explain.stores.map((own: any) => own.value.confidenceLevel)).toEqual(['HIGH', 'EVENTUALLY_CONSISTENT']);
  // It was three seconds behind the proof when it answered, at second 101.
  expect(explain.toHigh).toMatchObject([
    { reason: { code: 'STORE_BEHIND' }, by: 'STORE', notBefore: '2026-01-01T00:01:44.000Z' },
  ]);
  expect(explain.highNotBefore).toBe('2026-01-01T00:01:44.000Z');
  // The row that MongoDB has is not the one of which Postgres knows why it has its cap.
  expect([explain.reproduced, explain.evidence.digest]).toEqual([null, null]);
});

test('what is held against a row: taken from before or of now, each with what mends it, its history and its recomputation', async () => {
  server.proofs.pipelines = [fact({ lastHeartbeatAt: committedAt(60) }, 'FLINK')];
  const reasons = ['EPOCH_OPEN', 'VIOLATION_LATE_DROPPED'];
  const row = flink({ cap: 'LOW', reasons, final: false });
  server.postgres.hold(row);
  written(row, { sink: 'OPEN' }, ['VIOLATION_LATE_DROPPED']);
  server.audit.requested = [request(4, { businessKey: KEY, dueAt: '2026-01-01T00:02:00.000Z' })];
  const event = {
    ordinal: 1,
    incarnation: null,
    store: null,
    at: committedAt(85),
    pipeline: 'orders-flink',
    run: 'run-1',
    engine: 'FLINK' as const,
    symbol: '005930',
    reasons: [],
    message: 'm',
    levelBefore: null,
    levelAfter: null,
  };
  server.ledgers.stalenessEvents = [
    {
      ...event,
      position: position(85),
      type: 'CONFIDENCE_LOWERED',
      kind: row.kind,
      businessKey: KEY,
      levelBefore: 'EVENTUALLY_CONSISTENT',
      levelAfter: 'LOW',
      reasons: ['VIOLATION_LATE_DROPPED'],
    },
    { ...event, position: position(90), type: 'PIPELINE_STOPPED', kind: null, businessKey: null },
    { ...event, position: position(91), type: 'VIOLATION', kind: row.kind, businessKey: 'another' },
  ];
  const { explain } = (await explained(', first: 2')).data;
  expect(
    explain.rules.map(({ stage, level, reason, holds }: any) => [stage, level, reason?.code ?? null, holds]),
  ).toEqual([
    ['WRITE', 'EVENTUALLY_CONSISTENT', 'EPOCH_OPEN', false],
    ['WRITE', 'LOW', 'VIOLATION_LATE_DROPPED', true],
    ['READ', 'LOW', 'PIPELINE_STOPPED', true],
    ['READ', 'HIGH', null, true],
  ]);
  expect(explain.decidedBy.inputs).toEqual({ heldFromBefore: true });
  const stopped = explain.rules[2];
  expect([stopped.inputs.silentMs, stopped.thresholds]).toEqual([41_000, { silentMs: 13_000 }]);
  expect(explain.toHigh.map(({ reason, by, notBefore }: any) => [reason.code, by, notBefore])).toEqual([
    ['VIOLATION_LATE_DROPPED', 'REPROCESSING', '2026-01-01T00:02:00.000Z'],
    ['PIPELINE_STOPPED', 'PIPELINE', null],
  ]);
  expect([explain.highNotBefore, explain.reprocessing, explain.reproduced]).toEqual([
    null,
    { id: '4', state: 'OPEN' },
    true,
  ]);
  expect(explain.history.changes.map(({ id, type, ofTheRow }: any) => [id, type, ofTheRow])).toEqual([
    ['90-1', 'PIPELINE_STOPPED', false],
    ['85-1', 'CONFIDENCE_LOWERED', true],
  ]);
});

test('without Postgres the first store that answers is explained; what only Postgres knows is an error of its own', async () => {
  server.mongodb.hold(flink());
  const down = new AppError('STORE_UNAVAILABLE', 'down', { retryable: true, outcome: 'none' });
  server.postgres.failure = server.audit.failure = server.ledgers.failure = server.proofs.failure = down;
  const { data, errors } = await explained(', engine: FLINK');
  expect(errors.map(({ path }: { path: string[] }) => path.join('.')).sort()).toEqual([
    'explain.evidence',
    'explain.history',
    'explain.reprocessing',
    'explain.stores.0.value',
  ]);
  const { explain } = data;
  const { servedBy, reasons } = explain.contract;
  expect([servedBy, explain.reproduced]).toEqual(['MONGODB', null]);
  expect(reasons.map(({ code }: { code: string }) => code)).toEqual(['CHECKPOINT_OVERDUE', 'PROOF_UNAVAILABLE']);
  expect(explain.toHigh.map(({ by }: { by: string }) => by)).toEqual(['PIPELINE', 'OPERATOR']);
  expect(explain.stores.map(({ available }: { available: boolean }) => available)).toEqual([false, true]);
  server.mongodb.failure = down;
  const none = await explained(', engine: FLINK');
  expect([none.data, none.errors[0].extensions.code]).toEqual([null, 'STORE_UNAVAILABLE']);
});

test('what is not there is explained, too; a store that is not configured, or a page of none, is refused', async () => {
  const nothing = (await explained(', engine: KAFKA_ONLY')).data.explain;
  expect([nothing.present, nothing.contract.confidenceLevel, nothing.toHigh[0].by, nothing.reproduced]).toEqual([
    false,
    'EVENTUALLY_CONSISTENT',
    'NOBODY',
    true,
  ]);
  server.proofs.pipelines = [fact({}, 'FLINK')];
  const proven = (await explained(', engine: FLINK')).data.explain;
  expect([proven.contract.confidenceLevel, proven.decidedBy.scenario]).toEqual([
    'HIGH',
    'no such result, and nothing says that one is missing',
  ]);
  const codes = async (args: string): Promise<string> => (await explained(args)).errors[0].extensions.code;
  expect([await codes(', store: CLICKHOUSE'), await codes(', first: 0')]).toEqual([
    'STORE_UNAVAILABLE',
    'BAD_PAGE_SIZE',
  ]);
});

test('every reason has somebody who can mend it, or nobody, in words; one that nobody knows stays', () => {
  const all = remediesOf(
    [...Object.keys(REASONS), 'SOMETHING_NEW'],
    { row: flink(), now: null, proof: null } as never,
    null,
  );
  for (const { reason, by, what } of all) {
    expect(REMEDY_ACTORS).toContain(by);
    expect([reason, what.length > 20]).toEqual([reason, true]);
  }
  expect(all.at(-1)).toMatchObject({ by: 'NOBODY' });
});

test('a label that says more than its record is found', async () => {
  server.proofs.pipelines = [fact({}, 'FLINK')];
  const row = flink({ cap: 'LOW', reasons: ['VIOLATION_LATE_DROPPED'] });
  server.postgres.hold(row);
  // What was written down would have made it HIGH.
  written(row);
  const { explain } = (await explained()).data;
  expect(explain.reproduced).toBe(false);
  const record = explain.record as LabelRecord;
  const { contract } = derive(record);
  expect(follows({ ...contract, confidenceLevel: 'HIGH' }, record)).toBe(false);
});
