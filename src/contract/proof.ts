/**
 * The shared clock read (contract.md §8): one small statement, one snapshot, at most one in flight. A request joins only a
 * read that is sent after it arrived: a read already under way may have looked before the request's own write.
 */
import type { Pool } from 'pg';
import { performance } from 'node:perf_hooks';
import { AppError } from '../errors.js';
import { rewound, type Highest } from '../position/highest.js';
import { expiryOf, type StoredExpiredKind } from '../position/expiry.js';
import { micros, position, type Micros } from '../position/position.js';
import { realAfter, type After } from '../timers.js';
import type { ProcessingEngine } from '../words.js';
import { MOST_MARKS, NO_LETTERS, OpenLetters, type LetterMark } from './dead-letters.js';
import { Divergences, MOST_KEYS, NO_DIVERGENCES, type StoredDivergences } from './divergences.js';
import { InFlight, type Horizon, type SeenEntry } from './in-flight.js';
import { pipelineFacts, withSourceAsOf, type StoredFacts } from './pipeline-facts.js';
import type { PipelineFact, Proof, ProofSource } from './proof-port.js';
import type { Reached } from '../position/commit-log.js';

/** What one read brings back. */
export interface ClockRead {
  readonly position: string;
  readonly nonce: string;
  readonly incarnation: string;
  readonly committedAtUs: string;
  /** Postgres' clock while it answered. */
  readonly nowUs: string;
  /** [position, nonce, predecessor, committed_at_us, keys] ascending. */
  readonly entries: readonly (readonly [number, string, string, number, readonly RawKey[]])[];
  readonly facts: readonly StoredFacts[];
  readonly expiredTo: string | null;
  readonly expiredKinds: readonly StoredExpiredKind[];
  /** The position that last changed which dead letters are held against results; null: there are none. */
  readonly lettersAt: string | null;
  /** All that are not settled; null: as at the position that was asked with. */
  readonly letters: readonly LetterMark[] | null;
  /** What read models hold otherwise than Postgres; nearly always empty. */
  readonly divergences: readonly StoredDivergences[];
}
type RawKey = readonly [
  kind: string,
  key: string,
  engine: ProcessingEngine,
  cap: SeenEntry['keys'][number]['cap'],
  reasons: string[],
];

export interface ProofOptions {
  /** One statement on one snapshot; its pool limits how long it may take. */
  readonly read: (afterPosition: string, horizon: number, lettersAt: string | null) => Promise<ClockRead>;
  /** Milliseconds, monotonic. */
  readonly monotonicMs: () => number;
  readonly horizon: Horizon;
  /** How long a request waits for a proof before it goes on without one. */
  readonly timeoutMs: number;
  /** Shared with ingest: a clock behind it proves nothing. */
  readonly highest: Highest;
  /** Begins a new incarnation. Called when the clock was found rewound; nothing is proven meanwhile. */
  readonly onRewound: () => void;
  /** Of the engine with checkpoints, whose heartbeats don't tell it (src/monitor); ISO-8601, null: not known. */
  readonly sourceAsOf?: () => string | null;
  readonly after?: After;
}

/** No position: whatever there is, is new. */
const UNREAD = '-1';

/** Reads come one after the other; who arrives during one waits for the next. */
export function createProofSource(options: ProofOptions): ProofSource {
  const inFlight = new InFlight(options.horizon);
  let incarnation: string | null = null;
  let facts: readonly PipelineFact[] = [];
  let letters = { at: UNREAD as string | null, open: NO_LETTERS };
  let byPlace = new Map<string, PipelineFact>();
  /** Postgres' time at the latest moment at which the last read was certainly not yet sent. */
  let anchor: { readonly pgUs: number; readonly atMs: number } | null = null;
  let running: Promise<Proof> | null = null;
  let queued: Promise<Proof> | null = null;

  async function read(): Promise<Proof> {
    const sentMs = options.monotonicMs();
    const mark = options.highest.mark();
    const answer = await options.read((inFlight.seen ?? -1n).toString(), options.horizon.positions, letters.at);
    const clock = { position: position(answer.position), nonce: answer.nonce, incarnation: answer.incarnation };
    if (rewound(mark, clock) || forked(answer, mark)) {
      options.onRewound();
      throw unavailable(new Error(`the clock stands at ${answer.position}, ${mark?.position} was seen`));
    }
    options.highest.note(clock);
    if (incarnation !== answer.incarnation) {
      // Another history: what was remembered says nothing of it.
      inFlight.take([], { position: position(answer.position), nonce: `${answer.nonce}?` });
      incarnation = answer.incarnation;
      letters = { at: UNREAD, open: letters.open };
    }
    inFlight.take(answer.entries.map(entryOf), { position: position(answer.position), nonce: answer.nonce });
    if (answer.letters !== null) letters = { at: answer.lettersAt, open: new OpenLetters(answer.letters) };
    // Those known are of another history, and by chance of the same position: read once more, with them.
    else if (letters.at === UNREAD) return read();
    facts = withSourceAsOf(pipelineFacts(answer.facts), options.sourceAsOf?.() ?? null);
    byPlace = new Map(facts.map((fact) => [`${fact.pipeline}/${fact.resultPartition}`, fact]));
    // A clock that stands before its own last commit has stepped back: no age can be told until it has caught up.
    anchor = Number(answer.nowUs) < Number(answer.committedAtUs) ? null : { pgUs: Number(answer.nowUs), atMs: sentMs };
    const places = byPlace;
    const expiry = expiryOf(answer.expiredTo, answer.expiredKinds);
    const { open } = letters;
    const divergences = answer.divergences.length === 0 ? NO_DIVERGENCES : new Divergences(answer.divergences);
    return {
      position: position(answer.position),
      committedAt: micros(answer.committedAtUs),
      incarnation: answer.incarnation,
      get floor() {
        return inFlight.floor;
      },
      pending: (key) => inFlight.pending(key),
      pendingOfKind: (kind, engine) => inFlight.pendingOfKind(kind, engine),
      changesAfter: (applied) => inFlight.changesAfter(applied),
      pipeline: (pipeline, resultPartition) => places.get(`${pipeline}/${resultPartition}`) ?? null,
      pipelines: facts,
      expiry,
      letters: open,
      divergences,
    };
  }

  function start(): Promise<Proof> {
    const mine = read().finally(() => {
      if (running === mine) running = null;
    });
    running = mine;
    return mine;
  }

  return {
    prove(): Promise<Proof> {
      return withinLimit(queued ?? (running === null ? start() : enqueue(running)), options.timeoutMs, options.after);
    },
    now(): Micros | null {
      if (anchor === null) return null;
      return Math.ceil(anchor.pgUs + (options.monotonicMs() - anchor.atMs) * 1000) as Micros;
    },
  };

  function enqueue(behind: Promise<Proof>): Promise<Proof> {
    const next = (): Promise<Proof> => {
      queued = null;
      return start();
    };
    queued = behind.then(next, next);
    return queued;
  }
}

const unavailable = (cause?: unknown): AppError =>
  new AppError('PROOF_UNAVAILABLE', 'The source of truth did not answer in time: nothing can be proven now.', {
    retryable: true,
    outcome: 'none',
    cause,
  });

/** A caller waits so long and no longer; the read itself goes on and serves whoever comes next. */
function withinLimit(proof: Promise<Proof>, timeoutMs: number, after: After = realAfter): Promise<Proof> {
  let cancel = (): void => undefined;
  const limit = new Promise<never>((_, reject) => {
    cancel = after(timeoutMs, () => reject(unavailable()));
  });
  return Promise.race([proof, limit]).finally(() => cancel());
}

/** The entry after the last one seen does not continue it: history was rewound and has grown again since. */
function forked(answer: ClockRead, mark: Reached | null): boolean {
  if (mark === null || mark.incarnation !== answer.incarnation) return false;
  const following = answer.entries.find(([at]) => BigInt(at) === mark.position + 1n);
  return following !== undefined && following[2] !== mark.nonce;
}

const entryOf = ([at, nonce, predecessor, committedAt, keys]: ClockRead['entries'][number]): SeenEntry => ({
  position: position(at),
  nonce,
  predecessor,
  committedAt: micros(committedAt),
  keys: keys.map(([kind, businessKey, engine, cap, reasons]) => ({ kind, businessKey, engine, cap, reasons })),
});

const READ = `
  select c.position, c.nonce, c.incarnation, c.committed_at_us as "committedAtUs",
    (extract(epoch from clock_timestamp()) * 1e6)::bigint as "nowUs",
    (select coalesce(json_agg(json_build_array(l.position, l.nonce, l.predecessor, l.committed_at_us, l.keys) order by l.position), '[]')
       from commit_log l
      where l.position > greatest($1::bigint, c.position - $2::bigint) and l.part = 0 and l.incarnation = c.incarnation) as entries,
    (select coalesce(json_agg(f), '[]') from pipeline_facts f) as facts,
    (select max(position)::text from result_floors) as "expiredTo",
    (select coalesce(json_agg(e), '[]') from expired_kinds e) as "expiredKinds",
    d.at as "lettersAt",
    case when d.at is distinct from $3::bigint then (
      select coalesce(json_agg(m), '[]') from (
        select reported_by as "reportedBy", topic, partition, kafka_key as "kafkaKey", max(record_offset) as "offset"
        from dead_letters where settled_position is null group by 1, 2, 3, 4 limit ${MOST_MARKS + 1}) m) end as letters,
    (select coalesce(json_agg(v), '[]') from (
       select store, kind, engine,
         case when count(*) <= ${MOST_KEYS} then json_agg(json_build_array(business_key, settled_position)) end as keys,
         case when bool_and(settled_position is not null) then max(settled_position) end as until
       from store_divergences group by 1, 2, 3) v) as divergences
  from commit_clock c, (select max(changed_position) as at from dead_letters) d`;

/** The read over a pool of its own, whose connections carry the time limits. */
export function postgresClockRead(pool: Pool): ProofOptions['read'] {
  return async (after, horizon, lettersAt) => {
    try {
      const { rows } = await pool.query<ClockRead>({ name: 'prove', text: READ, values: [after, horizon, lettersAt] });
      if (rows[0] === undefined) throw new Error('commit_clock is empty');
      return rows[0];
    } catch (cause) {
      throw unavailable(cause);
    }
  };
}

export const monotonicMs = (): number => performance.now();
