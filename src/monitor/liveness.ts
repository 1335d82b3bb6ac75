/**
 * Looks several times a second whether everything goes on, and says of what does not why (staleness/liveness.ts). Beside the requests: no
 * claim rests on it. Each server sees for itself; of CDC it is told once, whichever server sees it (`store_states`).
 */
import type { Pool } from 'pg';
import { startPeriodic, type Periodic } from '../ingest/periodic.js';
import type { Highest } from '../position/highest.js';
import type { Micros, Position } from '../position/position.js';
import {
  cdcLiveness,
  clockLiveness,
  livenessLimits,
  serverClockLiveness,
  storeLiveness,
  type CdcLiveness,
  type LivenessLimits,
  type OffsetSeen,
} from '../staleness/liveness.js';
import { cdcState, eventOfCdc, type CdcState } from '../staleness/stores.js';
import { CDC_CAUSES, type Store } from '../words.js';
import { Lateness, type AppliedSeen, type ClockLook } from './lateness.js';
import { askConnect, clockHolders, seeTruth, type TruthSeen } from './probe.js';
import { noteStates } from './stores.js';

/** How one part of the path is. */
export interface Liveness {
  /** COMMIT_CLOCK, CDC, SERVER_CLOCK, or a read model. */
  readonly subject: string;
  readonly state: string;
  /** Since when, by Postgres' clock; null: it was never asked. */
  readonly since: Micros | null;
  /** For people. */
  readonly detail: string | null;
}

/** A read model, as this server knows it without asking. */
export interface ProjectionSeen {
  readonly store: Store;
  /** Of this server's projection into it. */
  readonly state: string;
  /** What is known here; it may be long ago, if another server projects. */
  readonly known: AppliedSeen | null;
  /** Asks the store itself; null: it does not say. */
  readonly ask: () => Promise<AppliedSeen | null>;
}

export interface LivenessOptions {
  readonly pool: Pool;
  /** For what is told: whoever holds the clock keeps that waiting. */
  readonly writes: Pool;
  readonly highest: Highest;
  readonly projections: () => readonly ProjectionSeen[];
  /** Kafka has answered just now, where the change topic is read. */
  readonly kafkaAnswers: () => boolean;
  readonly connectUrl: string;
  readonly connector: string;
  readonly slot: string;
  readonly heartbeatMs: number;
  readonly staleMs: number;
  readonly monotonicMs: () => number;
  /** Wall clock of this server: milliseconds. */
  readonly wallMs: () => number;
  readonly warn: (error: unknown, message: string) => void;
}

export interface LivenessWatch {
  /** Of everything that is watched, as it was seen last. */
  all(): readonly Liveness[];
  /** This server's wall clock − Postgres', the bounds of the last exchange. */
  offset(): OffsetSeen | null;
  retainedBytes(): number | null;
  stop(): Promise<void>;
}

/** Of a question to a part that may not answer. */
const ASK_MS = 700;

const late = (ms: number | null): string | null => (ms === null ? null : `late by ${(ms / 1000).toFixed(1)} s`);

/** What a store has applied, with the look by which its age is judged. */
interface Applied {
  readonly seen: AppliedSeen;
  readonly next: Micros | null;
  readonly look: ClockLook;
}

class Watch {
  private readonly limits: LivenessLimits;
  private readonly lateness = new Lateness();
  private readonly states = new Map<string, Liveness>();
  /** By store: how far it is, and when it was seen to move; null: never yet. */
  private readonly moves = new Map<Store, { position: Position; atMs: number | null }>();
  /** By store, or ALL: how far it was at the last look, and when something arrived late last. */
  private readonly before = new Map<Store | 'ALL', { position: Position; isLate: boolean; lateAtMs: number | null }>();
  private readonly told = new Map<string, Position | null>();
  private telling: Promise<unknown> = Promise.resolve();
  private isTelling = false;
  offset: OffsetSeen | null = null;
  retainedBytes: number | null = null;

  constructor(private readonly options: LivenessOptions) {
    this.limits = livenessLimits(options.heartbeatMs, options.staleMs);
  }

  all(): readonly Liveness[] {
    return [...this.states.values()];
  }

  drained(): Promise<unknown> {
    return this.telling;
  }

  private become(subject: string, state: string, now: Micros | null, detail: string | null): void {
    const before = this.states.get(subject);
    const since = before?.state === state ? before.since : now;
    this.states.set(subject, { subject, state, since, detail });
  }

  async look(): Promise<void> {
    const { options } = this;
    // In this order: what is applied was known before the clock was read, so nothing that had come by then is called late.
    const projections = options.projections();
    const known = projections.map((one) => one.known);
    const seen = await this.truth(known);
    const { applied, truth } = await this.askLate(projections, known, seen.truth, seen.look);
    const ages = applied.map((one) => (one === null ? null : this.lateness.of(one.seen, one.next, one.look)));
    const stores = projections.map(({ store }) => store);
    this.noteMoves(
      stores,
      applied.map((one) => one?.seen ?? null),
    );
    const answering = ages.filter((age) => age !== null);
    const lateMs = answering.length === 0 ? null : Math.min(...answering);
    const asked = lateMs !== null && lateMs > this.limits.lateMs;
    const connect = asked ? await askConnect(options.connectUrl, options.connector, ASK_MS) : null;
    const arrives = this.arrives('ALL', lateMs, highestOf(applied));
    const kafkaAnswers = options.kafkaAnswers();
    const state = cdcLiveness(
      { lateMs, stillMs: this.stillMs(stores), arrives, connect, slot: truth.slot, kafkaAnswers },
      this.limits,
    );
    this.become('CDC', state, truth.now, state === 'FLOWING' ? null : (sentence(state) ?? late(lateMs)));
    projections.forEach(({ store, state: own }, i) => {
      const age = ages[i] ?? null;
      const is = storeLiveness(
        {
          lateMs: age,
          stillMs: this.stillMs([store]),
          arrives: this.arrives(store, age, applied[i]?.seen.position ?? null),
          isAhead: age === lateMs,
          state: own,
        },
        state,
        this.limits,
      );
      this.become(store, is, truth.now, is === 'FLOWING' ? null : late(age));
    });
    this.tell(truth, state, lateMs, projections, highestOf(applied));
  }

  /** What Postgres says, and how far our clock is from its. @throws what Postgres, or the way to it, says; then all is unknown */
  private async truth(known: readonly (AppliedSeen | null)[]): Promise<{ truth: TruthSeen; look: ClockLook }> {
    const { options, limits } = this;
    const [atMs, sentMs] = [options.monotonicMs(), options.wallMs()];
    let truth: TruthSeen;
    try {
      truth = await seeTruth(options.pool, options.slot, positions(known));
    } catch (error) {
      for (const subject of ['COMMIT_CLOCK', 'CDC', ...this.moves.keys()]) this.become(subject, 'UNKNOWN', null, null);
      throw error;
    }
    const nowMs = truth.now / 1000;
    this.offset = { leastMs: sentMs - nowMs, mostMs: options.wallMs() - nowMs };
    const off = serverClockLiveness(this.offset, limits);
    const by = `${((this.offset.leastMs + this.offset.mostMs) / 2 / 1000).toFixed(1)} s from Postgres' clock`;
    this.become('SERVER_CLOCK', off, truth.now, off === 'OFF' ? by : null);
    this.retainedBytes = truth.retainedBytes;
    const look = lookOf(truth, atMs, options.monotonicMs());
    this.lateness.note(look);
    const beatMs = Math.max(0, (truth.now - truth.clockAt) / 1000);
    const holders = beatMs > limits.lateMs ? await clockHolders(options.pool) : null;
    const strange = holders?.some(({ own }) => !own) === true;
    const held = holders === null ? null : strange ? 'by-stranger' : holders.length > 0 ? 'by-server' : 'no';
    const is = clockLiveness({ beatMs, held }, limits);
    const who = holders?.map(({ pid, state }) => `process ${pid}${state === null ? '' : `, ${state}`}`).join('; ');
    this.become('COMMIT_CLOCK', is, truth.now, is === 'HANGING_TRANSACTION' ? `held by ${who}` : null);
    return { truth, look };
  }

  /** What this server knows may be long ago, if another one projects: then the store itself is asked, and Postgres once more. */
  private async askLate(
    projections: readonly ProjectionSeen[],
    known: readonly (AppliedSeen | null)[],
    truth: TruthSeen,
    look: ClockLook,
  ): Promise<{ readonly truth: TruthSeen; readonly applied: readonly (Applied | null)[] }> {
    const next = new Map(positions(known).map((position, i) => [position, truth.next[i] ?? null]));
    const first = known.map((seen) => (seen === null ? null : { seen, next: next.get(seen.position) ?? null, look }));
    const isLate = first.map((one) => {
      const age = one === null ? null : this.lateness.of(one.seen, one.next, one.look);
      return age === null || age > this.limits.lateMs;
    });
    if (!isLate.includes(true)) return { truth, applied: first };
    const atMs = this.options.monotonicMs();
    const asked = await Promise.all(
      projections.map((one, i) => (isLate[i] === true ? answered(one) : Promise.resolve(null))),
    );
    const again = await seeTruth(this.options.pool, this.options.slot, positions(asked));
    const later = lookOf(again, atMs, this.options.monotonicMs());
    const nexts = new Map(positions(asked).map((position, i) => [position, again.next[i] ?? null]));
    const applied = first.map((one, i) => {
      if (isLate[i] !== true) return one;
      const seen = asked[i] ?? null;
      return seen === null ? null : { seen, next: nexts.get(seen.position) ?? null, look: later };
    });
    return { truth: again, applied };
  }

  private noteMoves(stores: readonly Store[], applied: readonly (AppliedSeen | null)[]): void {
    stores.forEach((store, i) => {
      const position = applied[i]?.position;
      const before = this.moves.get(store);
      if (position === undefined || before?.position === position) return;
      this.moves.set(store, { position, atMs: before === undefined ? null : this.options.monotonicMs() });
    });
  }

  /** Has anything arrived late just now? */
  private arrives(whose: Store | 'ALL', lateMs: number | null, position: Position | null): boolean {
    if (lateMs === null || position === null) {
      this.before.delete(whose);
      return false;
    }
    const now = this.options.monotonicMs();
    const before = this.before.get(whose);
    const arrivedLate = before !== undefined && before.isLate && position > before.position;
    const lateAtMs = arrivedLate ? now : (before?.lateAtMs ?? null);
    this.before.set(whose, { position, isLate: lateMs > this.limits.lateMs, lateAtMs });
    return lateAtMs !== null && now - lateAtMs <= this.limits.stillMs;
  }

  private stillMs(stores: readonly Store[]): number | null {
    const last = stores.flatMap((store) => this.moves.get(store)?.atMs ?? []);
    return last.length === 0 ? null : this.options.monotonicMs() - Math.max(...last);
  }

  /** Beside the looks: while somebody holds the clock nothing can be told, and everything is still to be seen. */
  private tell(
    truth: TruthSeen,
    state: CdcLiveness,
    lateMs: number | null,
    projections: readonly ProjectionSeen[],
    highest: Position | null,
  ): void {
    const { options } = this;
    const before = truth.told as CdcState;
    // How far it was when this state was first read here: from then on it is seen to move.
    if (!this.told.has(before)) {
      this.told.clear();
      this.told.set(before, highest);
    }
    const from = this.told.get(before) ?? null;
    const moved = from !== null && highest !== null && highest > from;
    const blocked = projections.some((one) => one.state === 'blocked');
    const seen = { state, moved, lateMs, blocked };
    const after = cdcState(before, seen, options.staleMs);
    const event = eventOfCdc(before, after, seen);
    if (event === null || this.isTelling) return;
    this.isTelling = true;
    this.telling = noteStates(options.writes, options.highest, [{ store: 'CDC', before, after, event }])
      .catch((error: unknown) => options.warn(error, 'what became of CDC could not be told yet'))
      .finally(() => (this.isTelling = false));
  }
}

const highestOf = (applied: readonly (Applied | null)[]): Position | null =>
  applied.reduce<Position | null>(
    (most, one) => (one !== null && (most === null || one.seen.position > most) ? one.seen.position : most),
    null,
  );

const lookOf = ({ clock, incarnation, now }: TruthSeen, atMs: number, endMs: number): ClockLook => ({
  clock,
  incarnation,
  now,
  atMs,
  spanMs: endMs - atMs,
});

const sentence = (state: string): string | null => CDC_CAUSES[state as keyof typeof CDC_CAUSES] ?? null;

const positions = (known: readonly (AppliedSeen | null)[]): Position[] => [
  ...new Set(known.flatMap((one) => (one === null ? [] : [one.position]))),
];

/** Within its limit. */
async function answered({ ask }: ProjectionSeen): Promise<AppliedSeen | null> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), ASK_MS)));
  try {
    return await Promise.race([ask().catch(() => null), over]);
  } finally {
    clearTimeout(timer);
  }
}

export function startLiveness(options: LivenessOptions): LivenessWatch {
  const watch = new Watch(options);
  let failing = false;
  const loop: Periodic = startPeriodic({
    everyMs: options.heartbeatMs,
    run: async () => {
      await watch.look();
      failing = false;
    },
    // Said once: Postgres may be away for long.
    onError: (error) => {
      if (!failing) options.warn(error, 'whether everything goes on could not be seen');
      failing = true;
    },
  });
  return {
    all: () => watch.all(),
    offset: () => watch.offset,
    retainedBytes: () => watch.retainedBytes,
    stop: async () => {
      await loop.stop();
      await watch.drained();
    },
  };
}
