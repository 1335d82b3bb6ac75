/**
 * What a history shows over time and by fault: for each engine what its data did and what was claimed of it, for each store how
 * far behind the others it was. Nothing is judged here. Pure.
 */
import { indexOf, isFolded, type Indexed, type Seen } from '../checkers/claims.js';
import { equal } from '../checkers/equal.js';
import { percentile } from '../checkers/usefulness.js';
import { keyOf, type Engine, type Fault, type History, type Level, type StoreName } from '../history/types.js';

export const LEVELS = ['HIGH', 'EVENTUALLY_CONSISTENT', 'LOW'] as const satisfies readonly Level[];
export type Levels = Readonly<Record<Level, number>>;

/** One line of a plot: a value for each bucket; null: nothing was seen. */
export type Series = readonly (number | null)[];

export interface Figures {
  /** Of a bucket of the series. Milliseconds. */
  readonly bucketMs: number;
  /** Start of each bucket, in seconds from the start of the recording. */
  readonly seconds: readonly number[];
  readonly faults: readonly { readonly kind: string; readonly from: number; readonly to: number }[];
  /** Claims that were read, by level. */
  readonly confidence: Readonly<Partial<Record<Engine, Readonly<Record<Level, Series>>>>>;
  /** The greatest time in a bucket that a store was behind Postgres, by what it said it has applied. Milliseconds. */
  readonly lagMs: Readonly<Partial<Record<StoreName, Series>>>;
  /** Source events per second, and results that were accepted. */
  readonly events: Series;
  readonly accepted: Readonly<Partial<Record<Engine, Series>>>;
  readonly byFault: readonly FaultRow[];
  readonly engines: readonly EngineEnd[];
}

/** What one kind of fault did to one engine's results, from its start to the start of the next fault. */
export interface FaultRow {
  readonly kind: string;
  readonly times: number;
  readonly engine: Engine;
  /** Accepted rows, and those of them with another value than the row before. */
  readonly accepted: number;
  readonly changed: number;
  /** Results that were touched meanwhile, and how the newest row of each stands to the fold at the end. */
  readonly touched: number;
  readonly wrong: number;
  readonly wrongLow: number;
  /** Claims read while it was on. */
  readonly read: Levels;
  /** Reasons of these claims that were rarer before it, the most frequent first. */
  readonly reasons: readonly string[];
  /** The greatest time behind Postgres of each read model. Milliseconds; null: not read. */
  readonly lagMs: Readonly<Partial<Record<StoreName, number | null>>>;
}

/** How an engine's results stood at the quiet end. */
export interface EngineEnd {
  readonly engine: Engine;
  readonly results: number;
  readonly right: number;
  readonly wrongLow: number;
  /** Wrong and not said to be. */
  readonly wrongSilent: number;
  readonly last: Levels;
  /** Of all claims that were read before the end. */
  readonly read: Levels;
}

const MOST_BUCKETS = 400;

export function figuresOf(history: History): Figures {
  const indexed = indexOf(history);
  const from = history.meta.started.mono;
  const to = history.quiet?.at ?? history.polls.at(-1)?.received ?? from;
  const bucketMs = Math.max(1_000, Math.ceil((to - from) / MOST_BUCKETS / 1_000) * 1_000);
  const count = Math.max(1, Math.ceil((to - from) / bucketMs));
  const grid: Grid = { from, bucketMs, count };
  const engines = [...indexed.truth.engines].sort();
  const seen = indexed.seen.filter(({ answer }) => answer.ended.mono < to);
  const wrong = wrongIn(indexed);
  const lags = lagsOf(indexed);
  return {
    bucketMs,
    seconds: Array.from({ length: count }, (_, i) => (i * bucketMs) / 1000),
    faults: history.faults.map((fault) => ({
      kind: fault.kind,
      from: (fault.started.mono - from) / 1000,
      to: ((fault.healed?.mono ?? to) - from) / 1000,
    })),
    confidence: Object.fromEntries(engines.map((engine) => [engine, levelSeries(grid, seen, engine)])),
    lagMs: lagSeries(grid, lags),
    events: eventSeries(grid, indexed),
    accepted: Object.fromEntries(engines.map((engine) => [engine, acceptedSeries(grid, indexed, engine)])),
    byFault: engines.flatMap((engine) => faultRows(indexed, seen, lags, wrong, engine)),
    engines: engines.map((engine) => engineEnd(indexed, seen, wrong, engine)),
  };
}

interface Grid {
  readonly from: number;
  readonly bucketMs: number;
  readonly count: number;
}

/** null: outside. */
function bucketOf({ from, bucketMs, count }: Grid, mono: number): number | null {
  const i = Math.floor((mono - from) / bucketMs);
  return i >= 0 && i < count ? i : null;
}

const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);

function levelSeries(grid: Grid, seen: readonly Seen[], engine: Engine): Record<Level, Series> {
  const counts = { HIGH: zeros(grid.count), EVENTUALLY_CONSISTENT: zeros(grid.count), LOW: zeros(grid.count) };
  for (const { answer, claim } of seen) {
    const i = claim.engine === engine ? bucketOf(grid, answer.ended.mono) : null;
    if (i !== null) counts[claim.contract.level][i]! += 1;
  }
  return counts;
}

interface Lag {
  readonly store: StoreName;
  readonly mono: number;
  readonly ms: number;
}

/** Of each answer that a read model gave: how long ago, by Postgres' clock, what it had applied was committed; an upper bound. */
function lagsOf({ history, truth }: Indexed): Lag[] {
  const lags: Lag[] = [];
  for (const { ended, claims } of history.answers) {
    const newest = new Map<StoreName, number>();
    for (const { contract } of claims) {
      if (contract.servedBy === 'POSTGRES' || contract.lastCdcSyncTime === null) continue;
      const at = Date.parse(contract.lastCdcSyncTime);
      newest.set(contract.servedBy, Math.max(at, newest.get(contract.servedBy) ?? at));
    }
    const nowUs = newest.size === 0 ? undefined : truth.clock.at(ended.mono)?.highUs;
    if (nowUs === undefined) continue;
    for (const [store, at] of newest) lags.push({ store, mono: ended.mono, ms: Math.max(0, nowUs / 1000 - at) });
  }
  return lags;
}

function lagSeries(grid: Grid, lags: readonly Lag[]): Record<string, Series> {
  const series: Record<string, (number | null)[]> = {};
  for (const { store, mono, ms } of lags) {
    const i = bucketOf(grid, mono);
    if (i === null) continue;
    const own = (series[store] ??= Array.from({ length: grid.count }, () => null));
    own[i] = Math.round(Math.max(ms, own[i] ?? 0));
  }
  return series;
}

/** By the time that the broker appended them, brought to the recorder's by the wall clock beside its own: for a plot that will do. */
function eventSeries(grid: Grid, { history }: Indexed): Series {
  const counts = zeros(grid.count);
  const { mono, wall } = history.meta.started;
  for (const { appendedAtMs } of history.events) {
    const i = bucketOf(grid, appendedAtMs - wall + mono);
    if (i !== null) counts[i]! += 1;
  }
  return counts.map((n) => perSecond(n, grid));
}

const perSecond = (n: number, { bucketMs }: Grid): number => Math.round((n * 10_000) / bucketMs) / 10;

function acceptedSeries(grid: Grid, { history, truth }: Indexed, engine: Engine): Series {
  const counts = zeros(grid.count);
  for (const { position, baseline, documents } of history.truth) {
    const own = baseline === true ? 0 : documents.filter((document) => document.engine === engine).length;
    const at = own === 0 ? null : truth.seenAt(position);
    const i = at === null ? null : bucketOf(grid, at);
    if (i !== null) counts[i]! += own;
  }
  return counts.map((n) => perSecond(n, grid));
}

/** Keys whose newest row is not the fold of all that was written down; a row that was deleted in both is right. */
function wrongIn({ truth, fold }: Indexed): Set<string> {
  const wrong = new Set<string>();
  for (const key of truth.keys()) {
    const document = truth.newest(key)?.document;
    if (document === undefined || !isFolded(document.kind)) continue;
    const folded = fold.fold(document.kind, document.businessKey);
    const [is, due] = [document.deleted ? undefined : document.value, folded?.deleted ? undefined : folded?.value];
    if (!equal(is, due)) wrong.add(key);
  }
  return wrong;
}

function levelsOf(seen: readonly Seen[]): Levels {
  const levels = { HIGH: 0, EVENTUALLY_CONSISTENT: 0, LOW: 0 };
  for (const { claim } of seen) levels[claim.contract.level] += 1;
  return levels;
}

/** Said to be LOW by its stored cap, or when it was read last. */
function isLow({ truth }: Indexed, lastLevel: ReadonlyMap<string, Level>, key: string): boolean {
  return truth.newest(key)?.document.cap === 'LOW' || lastLevel.get(key) === 'LOW';
}

const lastLevels = new WeakMap<Indexed, ReadonlyMap<string, Level>>();
function lastLevelsOf(indexed: Indexed): ReadonlyMap<string, Level> {
  const known = lastLevels.get(indexed) ?? new Map(indexed.seen.map(({ id, claim }) => [id.key, claim.contract.level]));
  lastLevels.set(indexed, known);
  return known;
}

interface Span {
  readonly fault: Fault;
  readonly from: number;
  readonly healed: number;
  /** The next fault begins. */
  readonly to: number;
}

function faultRows(
  indexed: Indexed,
  seen: readonly Seen[],
  lags: readonly Lag[],
  wrong: ReadonlySet<string>,
  engine: Engine,
): FaultRow[] {
  const { history } = indexed;
  const spans = history.faults.map((fault, i): Span => {
    const to = history.faults.slice(i + 1).find(({ started }) => started.mono > fault.started.mono)?.started.mono;
    return { fault, from: fault.started.mono, healed: fault.healed?.mono ?? Infinity, to: to ?? Infinity };
  });
  const own = seen.filter(({ claim }) => claim.engine === engine);
  const calm = own.filter(({ answer }) => answer.ended.mono < (spans[0]?.from ?? Infinity));
  const usual = reasonShares(calm);
  const kinds = [...new Set(history.faults.map(({ kind }) => kind))].sort();
  return kinds.map((kind) => {
    const mine = spans.filter(({ fault }) => fault.kind === kind);
    const read = own.filter(({ answer }) =>
      mine.some(({ from, healed }) => answer.ended.mono >= from && answer.started.mono <= healed),
    );
    const did = changesIn(indexed, mine, engine);
    const bad = [...did.keys].filter((key) => wrong.has(key));
    const low = bad.filter((key) => isLow(indexed, lastLevelsOf(indexed), key));
    const behind = lags.filter(({ mono }) => mine.some(({ from, to }) => mono >= from && mono < to));
    return {
      ...{ kind, times: mine.length, engine },
      ...{ accepted: did.accepted, changed: did.changed, touched: did.keys.size },
      ...{ wrong: bad.length, wrongLow: low.length, read: levelsOf(read), reasons: unusual(reasonShares(read), usual) },
      lagMs: Object.fromEntries(
        history.meta.stores.filter((store) => store !== 'POSTGRES').map((store) => [store, greatest(behind, store)]),
      ),
    };
  });
}

function greatest(lags: readonly Lag[], store: StoreName): number | null {
  const own = lags.filter((lag) => lag.store === store).map(({ ms }) => ms);
  const ms = percentile(own, 1);
  return ms === null ? null : Math.round(ms);
}

function changesIn({ history, truth }: Indexed, spans: readonly Span[], engine: Engine) {
  const keys = new Set<string>();
  let [accepted, changed] = [0, 0];
  for (const { position, baseline, documents } of history.truth) {
    const at = baseline === true ? null : truth.seenAt(position);
    if (at === null || !spans.some(({ from, to }) => at >= from && at < to)) continue;
    for (const document of documents) {
      if (document.engine !== engine) continue;
      const key = keyOf(document);
      keys.add(key);
      accepted += 1;
      if (!equal(truth.newest(key, position - 1)?.document.value, document.value)) changed += 1;
    }
  }
  return { keys, accepted, changed };
}

function reasonShares(seen: readonly Seen[]): Map<string, number> {
  const shares = new Map<string, number>();
  for (const { claim } of seen)
    for (const reason of claim.contract.reasons) shares.set(reason, (shares.get(reason) ?? 0) + 1 / seen.length);
  return shares;
}

const MOST_REASONS = 4;
const RARE = 0.01;

const unusual = (now: ReadonlyMap<string, number>, before: ReadonlyMap<string, number>): string[] =>
  [...now]
    .map(([reason, share]) => [reason, share - (before.get(reason) ?? 0)] as const)
    .filter(([, more]) => more > RARE)
    .sort((a, b) => b[1] - a[1])
    .slice(0, MOST_REASONS)
    .map(([reason]) => reason);

function engineEnd(indexed: Indexed, seen: readonly Seen[], wrong: ReadonlySet<string>, engine: Engine): EngineEnd {
  const keys = [...indexed.truth.keys()].filter((key) => {
    const document = indexed.truth.newest(key)?.document;
    return document?.engine === engine && isFolded(document.kind);
  });
  const bad = keys.filter((key) => wrong.has(key));
  const last = lastLevelsOf(indexed);
  const wrongLow = bad.filter((key) => isLow(indexed, last, key)).length;
  const levels = { HIGH: 0, EVENTUALLY_CONSISTENT: 0, LOW: 0 };
  for (const key of keys) {
    const level = last.get(key);
    if (level !== undefined) levels[level] += 1;
  }
  return {
    engine,
    results: keys.length,
    right: keys.length - bad.length,
    ...{ wrongLow, wrongSilent: bad.length - wrongLow, last: levels },
    read: levelsOf(seen.filter(({ claim }) => claim.engine === engine)),
  };
}
