/** Words of the decision table → a record, a stored row and facts that are what the words say. */
import {
  NO_FACTS,
  type Coverage,
  type IncomingResult,
  type PipelineFacts,
  type ResultState,
} from '../../src/decision/state.js';
import { expiredKindOf, type Expiry } from '../../src/position/expiry.js';
import type { Observation } from '../../src/decision/observe.js';

export const FOUND = 'VIOLATION_LATE_DROPPED';
export const FIELDS = ['lineage', 'epoch', 'delivery', 'interval', 'digest'] as const;

type Named = Omit<Observation, (typeof FIELDS)[number]>;
export type Words = Named & { readonly missing: readonly (typeof FIELDS)[number][] };

const domain = <K extends keyof Named>(...values: Named[K][]): readonly Named[K][] => values;

/** Every value of every word. Words that an engine does not know have one value. */
const SHARED = {
  arrival: domain<'arrival'>('IN_ORDER', 'LATE', 'REPROCESSED', 'UNREQUESTED'),
  run: domain<'run'>('CURRENT', 'SUPERSEDED', 'UNANNOUNCED'),
  compared: domain<'compared'>(
    'NONE',
    'LESS',
    'SAME',
    'CLOSING',
    'REOPENING',
    'CONFLICT',
    'GREATER',
    'INCOMPARABLE',
    'UNKNOWN',
  ),
  coverage: domain<'coverage'>('KNOWN', 'MOVED', 'MISSING'),
  lost: domain<'lost'>('NONE', 'SOME'),
  tainted: domain<'tainted'>('NO', 'YES'),
  earlier: domain<'earlier'>('KNOWN', 'MAYBE_EXPIRED'),
  revision: domain<'revision'>('FORWARD', 'MISSING'),
};
export const DOMAINS = {
  KAFKA_ONLY: {
    ...SHARED,
    engine: domain<'engine'>('KAFKA_ONLY'),
    sink: domain<'sink'>('OPEN'),
    begun: domain<'begun'>('IN_RUN', 'MAYBE_BEFORE_RUN'),
    stored: domain<'stored'>('NEW_KEY', 'SAME_RUN', 'OTHER_RUN', 'RESET', 'VERIFIED'),
    seq: domain<'seq'>('GAPLESS', 'GAP_BEFORE', 'MISSING'),
  },
  FLINK: {
    ...SHARED,
    engine: domain<'engine'>('FLINK'),
    sink: domain<'sink'>('FINAL', 'OPEN'),
    begun: domain<'begun'>('IN_RUN'),
    stored: domain<'stored'>('NEW_KEY', 'SAME_RUN', 'ANCESTOR', 'OFF_LINEAGE', 'RESET', 'VERIFIED'),
    seq: domain<'seq'>('GAPLESS', 'AGAIN', 'GAP_BEFORE', 'MISSING'),
    revision: domain<'revision'>('FORWARD', 'REGRESSED', 'MISSING'),
  },
} as const;

const recomputed = (w: Words): boolean => w.arrival === 'REPROCESSED' || w.arrival === 'UNREQUESTED';

/** Contradictions: nothing could be both. */
export function possible(w: Words): boolean {
  const fresh = w.stored === 'NEW_KEY';
  const onLineage = w.stored === 'SAME_RUN' || w.stored === 'ANCESTOR';
  const lacks = (field: (typeof FIELDS)[number]): boolean => w.missing.includes(field);
  return (
    fresh === (w.compared === 'NONE') &&
    !(fresh && w.tainted === 'YES') &&
    !(!fresh && w.earlier === 'MAYBE_EXPIRED') &&
    // Less and unknown follow from what is missing.
    !(w.coverage === 'MISSING' && w.compared !== 'UNKNOWN' && !fresh) &&
    !(lacks('delivery') && w.sink === 'FINAL') &&
    !(w.revision === 'REGRESSED' && (!onLineage || w.compared === 'SAME' || w.compared === 'REOPENING')) &&
    // Who recomputes is none of the runs: of those words only the first values are ever seen.
    !(recomputed(w) && (w.run !== 'CURRENT' || w.seq !== 'GAPLESS' || w.tainted === 'YES' || w.stored === 'RESET')) &&
    // What was held against the state before it was replaced is not held against what comes after.
    !(w.stored === 'RESET' && (w.tainted === 'YES' || w.begun === 'MAYBE_BEFORE_RUN')) &&
    (w.engine === 'FLINK' ? possibleFlink(w, lacks('lineage')) : possibleKafkaOnly(w))
  );
}

const possibleFlink = (w: Words, noLineage: boolean): boolean =>
  !(w.stored === 'ANCESTOR' && noLineage && (w.run === 'SUPERSEDED' || recomputed(w)));

const possibleKafkaOnly = (w: Words): boolean =>
  // Whose partitions they are is asked per partition that is covered.
  !(w.coverage === 'MISSING' && !recomputed(w) && w.run !== 'CURRENT') &&
  !(w.begun === 'MAYBE_BEFORE_RUN' && (w.coverage === 'MISSING' || w.run === 'UNANNOUNCED'));

const STORED: Readonly<Record<string, Coverage>> = { one: { '0': [10, 20] }, two: { '0': [10, 20], '1': [5, 6] } };

function coverages(w: Words): { before: Coverage | null; now: Coverage | null } {
  const { one = {}, two = {} } = STORED;
  const moved = w.coverage === 'MOVED';
  const both = moved ? two : one;
  if (w.coverage === 'MISSING') return { before: one, now: null };
  switch (w.compared) {
    case 'LESS':
      return { before: both, now: { '0': [10, 15] } };
    case 'GREATER':
      return { before: one, now: { ...both, '0': [10, 25] } };
    case 'INCOMPARABLE':
      return { before: one, now: moved ? { '1': [5, 6] } : { '0': [15, 25] } };
    case 'UNKNOWN':
      return { before: null, now: both };
    default:
      return { before: both, now: both };
  }
}

const state = (w: Words, run: string, now: Coverage | null): ResultState => ({
  kind: 'k',
  businessKey: 'b',
  engine: w.engine,
  calculatedValue: { n: 1 },
  deleted: false,
  final: w.compared === 'CLOSING',
  stale: false,
  cap: 'HIGH',
  reasons: [],
  pipeline: 'p',
  resultPartition: 0,
  run,
  revision: { FORWARD: 5, REGRESSED: 4, MISSING: 0 }[w.revision],
  coverage: now,
  lastCheckpointTime: null,
  digest: w.missing.includes('digest') ? null : '1',
  epoch: w.missing.includes('epoch') ? null : 42,
  resultOffset: 9,
  verified: w.arrival === 'REPROCESSED',
  events: 3,
  taints: {},
  verification: null,
  verifiedTo: null,
  decided: null,
});

const LINEAGE = [['old', 41]] as const;

function storedOf(w: Words, sender: string, before: Coverage | null): ResultState | null {
  if (w.stored === 'NEW_KEY') return null;
  const run = {
    SAME_RUN: sender,
    OTHER_RUN: 'other',
    ANCESTOR: 'old',
    OFF_LINEAGE: 'old',
    RESET: w.engine === 'FLINK' ? sender : 'other',
    VERIFIED: 'recomputed',
  }[w.stored];
  return {
    ...state(w, run, before),
    calculatedValue: { n: w.compared === 'CONFLICT' ? 2 : 1 },
    final: w.compared === 'REOPENING',
    revision: 4,
    events: w.compared === 'GREATER' ? 2 : 3,
    // The checkpoint that the sender was restored from, or the next one.
    epoch: w.stored === 'ANCESTOR' ? 41 : 42,
    resultOffset: 3,
    verified: w.stored === 'VERIFIED',
    // It was emitted from the state that is gone.
    reasons: w.stored === 'RESET' ? [FOUND] : [],
    verification: w.stored === 'RESET' ? 'fold' : null,
    taints: w.tainted === 'YES' ? { [sender]: [FOUND] } : {},
  };
}

function factsOf(w: Words, sender: string, now: Coverage | null): PipelineFacts {
  if (w.engine === 'KAFKA_ONLY') {
    const run = w.run === 'SUPERSEDED' ? 'other' : sender;
    const startOffset = w.begun === 'MAYBE_BEFORE_RUN' ? 7 : 0;
    const owned = w.run === 'UNANNOUNCED' ? [] : Object.keys(now ?? {});
    return {
      ...NO_FACTS,
      assignments: Object.fromEntries(owned.map((p) => [p, { run, startOffset, maxEventTimeBefore: null }])),
      gaps: w.seq === 'GAP_BEFORE' ? { [`${sender}/0`]: 2 } : {},
    };
  }
  const current = w.run === 'SUPERSEDED' ? 'newer' : sender;
  return {
    ...NO_FACTS,
    current: {
      run: recomputed(w) ? 'newer' : current,
      announced: w.run !== 'UNANNOUNCED',
      lineage: LINEAGE,
      completed: 41,
      intervalMs: 1_000,
      progress: {},
    },
    earlier: w.run === 'SUPERSEDED' ? [sender] : [],
    losses: w.seq === 'GAP_BEFORE' ? [sender] : [],
  };
}

export interface Case {
  readonly record: IncomingResult;
  readonly stored: ResultState | null;
  readonly facts: PipelineFacts;
  readonly expiry: Pick<Expiry, 'kinds'>;
}

export function build(w: Words): Case {
  const sender = recomputed(w) ? 'recomputing' : 'mine';
  const { before, now } = coverages(w);
  const flink = w.engine === 'FLINK';
  const lacks = (field: (typeof FIELDS)[number]): boolean => w.missing.includes(field);
  const record: IncomingResult = {
    type: 'result',
    ordinal: 0,
    offset: 9n,
    stamp: {
      pipeline: 'p',
      engine: w.engine,
      run: sender,
      subtask: 0,
      seq: w.seq === 'MISSING' ? null : 2,
      offset: 9,
      lineage: lacks('lineage') ? null : flink ? LINEAGE : [],
      epoch: lacks('epoch') ? null : 42,
      delivery: lacks('delivery') ? null : w.sink === 'FINAL' ? 'EXACTLY_ONCE' : 'AT_LEAST_ONCE',
      transactional: w.sink === 'FINAL',
      completed: null,
      intervalMs: lacks('interval') ? null : 1_000,
    },
    state: state(w, sender, now),
    arrival: w.arrival,
    verification: null,
    resetBy: w.stored === 'RESET' ? 'fold' : null,
    redelivered: w.seq === 'AGAIN',
    lost: w.lost === 'SOME',
    begins: null,
  };
  const kinds = w.earlier === 'MAYBE_EXPIRED' ? [[expiredKindOf(record.state), { until: null }] as const] : [];
  return {
    record,
    stored: storedOf(w, sender, before),
    facts: factsOf(w, sender, now),
    expiry: { kinds: new Map(kinds) },
  };
}
