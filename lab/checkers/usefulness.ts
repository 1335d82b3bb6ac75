/**
 * Usefulness: no false claim may be bought with silence. Measured per store: share of HIGH, LOW for right values, claimed
 * minus true staleness; per fault: time until a lower claim is seen, and until none is seen any more.
 */
import type { Fault, History, StoreName } from '../history/types.js';
import { brief, indexOf, isFolded, type Indexed, type Seen } from './claims.js';
import { equal, holds } from './equal.js';
import { countWhere } from './truth.js';
import { broken, Collector, unknown, type Options, type Outcome, type Verdict } from './verdict.js';

const DEFAULTS = { staleP99Ms: 1_000, highShare: 0.99, falseLowShare: 0.01, enough: 100 };

export interface StoreFigures {
  readonly claims: number;
  readonly high: number;
  readonly low: number;
  readonly falseLow: number;
  /** Claimed − true staleness in ms. */
  readonly slackP50: number | null;
  readonly slackP99: number | null;
}

export interface FaultFigures {
  readonly fault: string;
  readonly store: StoreName;
  /** From its start to the first answer with a lower claim than before; null: none was seen. */
  readonly degradedAfterMs: number | null;
  /** From its end to the last such answer; null: never, 0: none after it. */
  readonly recoveredAfterMs: number | null;
}

export function percentile(values: readonly number[], p: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * p) - 1))] ?? null;
}

/** Right, and the newest row when the answer came: nothing was wrong with it. */
function isRight({ claim, id, shown, currentHigh }: Seen, { truth, fold }: Indexed): boolean {
  const version = truth.newest(id.key, shown);
  if (claim.value === null || version === null || version.document.coverage === null) return false;
  const next = truth.next(id.key, shown);
  if (next !== null && next.position <= (currentHigh ?? Infinity)) return false;
  const folded = fold.fold(claim.kind, claim.businessKey);
  return folded !== null && holds(folded.value, claim.value) && equal(folded.value, version.document.value);
}

/** Claimed − true, both in Postgres' time at the end of the answer; the true one by its upper bound. */
function slack({ claim, id, shown, answer }: Seen, { truth }: Indexed): number | null {
  const { stalenessMs } = claim.contract;
  if (stalenessMs === null) return null;
  const next = truth.next(id.key, shown);
  if (next === null) return stalenessMs;
  const ended = truth.clock.at(answer.ended.mono)?.highUs;
  return ended === undefined ? null : stalenessMs - Math.max(0, (ended - next.committedAtUs) / 1000);
}

function figuresOf(claims: readonly Seen[], indexed: Indexed): StoreFigures {
  const low = claims.filter(({ claim }) => claim.contract.level === 'LOW');
  const slacks = claims.map((seen) => slack(seen, indexed)).filter((ms) => ms !== null);
  const round = (ms: number | null): number | null => (ms === null ? null : Math.round(ms * 10) / 10);
  return {
    claims: claims.length,
    high: claims.filter(({ claim }) => claim.contract.level === 'HIGH').length,
    low: low.length,
    falseLow: low.filter((seen) => isRight(seen, indexed)).length,
    slackP50: round(percentile(slacks, 0.5)),
    slackP99: round(percentile(slacks, 0.99)),
  };
}

/** Claims are looked at in buckets of so many ms; a bucket with so much more than the usual share of lower claims is degraded. */
const BUCKET_MS = 500;
const NOTABLY = 0.2;
const LONGEST_MS = 60_000;

const said = new WeakMap<Seen, string>();
function saysOf(seen: Seen): string {
  const known = said.get(seen);
  if (known !== undefined) return known;
  const { level, reasons } = seen.claim.contract;
  const text = `${level}|${[...reasons].sort().join()}`;
  said.set(seen, text);
  return text;
}

/** What is usual is told from so many claims before a fault. */
const BEFORE = 5_000;

/** What most claims said before; anything else is lower (or at least not as usual). */
function usualOf(before: readonly Seen[]): string | null {
  const counts = new Map<string, number>();
  for (const seen of before) counts.set(saysOf(seen), (counts.get(saysOf(seen)) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
}

/** Of one store: `own` are its claims, in order. */
function faultFigures(fault: Fault, until: number, store: StoreName, own: readonly Seen[]): FaultFigures {
  const since = fault.started.mono;
  const begun = countWhere(own, ({ answer }) => answer.started.mono < since);
  const before = own.slice(Math.max(0, begun - BEFORE), begun).filter(({ answer }) => answer.ended.mono < since);
  const usual = usualOf(before);
  const lower = (seen: Seen): boolean => saysOf(seen) !== usual;
  const base = share(before.filter(lower).length, before.length);
  // Requests end within seconds: none that began long before can have ended since.
  const first = countWhere(own, ({ answer }) => answer.started.mono < since - LONGEST_MS);
  const last = countWhere(own, ({ answer }) => answer.started.mono < until);
  const during = own.slice(first, last).filter(({ answer }) => answer.ended.mono >= since);
  const buckets = new Map<number, Seen[]>();
  for (const seen of during) {
    const bucket = Math.floor((seen.answer.ended.mono - since) / BUCKET_MS);
    const some = buckets.get(bucket);
    if (some === undefined) buckets.set(bucket, [seen]);
    else some.push(seen);
  }
  const degraded = [...buckets.values()].filter(
    (some) => share(some.filter(lower).length, some.length) > base + NOTABLY,
  );
  const ends = degraded.flatMap((some) => some.filter(lower).map(({ answer }) => answer.ended.mono));
  const lastLower = ends.reduce<number | null>((high, end) => Math.max(high ?? end, end), null);
  const healed = fault.healed?.mono ?? null;
  const again = lastLower === null || during.some((seen) => seen.answer.started.mono >= lastLower && !lower(seen));
  return {
    fault: `${fault.kind}#${fault.id}`,
    store,
    degradedAfterMs:
      usual === null || ends.length === 0 ? null : Math.round(ends.reduce((a, b) => Math.min(a, b)) - since),
    recoveredAfterMs: healed === null || !again ? null : Math.max(0, Math.round((lastLower ?? healed) - healed)),
  };
}

const seenOf = (claims: readonly Seen[], store: StoreName): Seen[] =>
  claims.filter(({ claim }) => claim.contract.servedBy === store);

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

/** One number against one limit; nothing measured, nothing said. */
function limit(ok: boolean, measured: number, enough: number, evidence: Record<string, unknown>): Outcome {
  if (measured < enough) return unknown('too few reads without faults');
  return ok ? 'holds' : broken(evidence);
}

export function usefulness(history: History, options: Options = {}): Verdict {
  const { staleP99Ms, highShare, falseLowShare, enough } = { ...DEFAULTS, ...options };
  const indexed = indexOf(history);
  const collector = new Collector('usefulness');
  const calm = indexed.seen.filter(
    ({ answer }) =>
      answer.started.mono >= (history.warm?.at ?? 0) &&
      answer.ended.mono < (history.faults[0]?.started.mono ?? Infinity) &&
      answer.ended.mono < quietFrom(history),
  );
  const stores: Partial<Record<StoreName, StoreFigures>> = {};
  const calmStores: Partial<Record<StoreName, StoreFigures>> = {};
  const spoiled = history.notices.length > 0;
  for (const store of history.meta.stores) {
    const own = (claims: readonly Seen[]): Seen[] => seenOf(claims, store);
    stores[store] = figuresOf(own(indexed.seen), indexed);
    const figures = (calmStores[store] = figuresOf(own(calm), indexed));
    const id = { key: store, position: null, fault: '' };
    const fresh = figures.slackP99 !== null && figures.slackP99 <= staleP99Ms;
    collector.note('staleness-p99', id, limit(fresh, figures.claims, enough, { ...figures, limit: staleP99Ms }));
    const rightLow = share(figures.falseLow, figures.claims);
    collector.note('false-low', id, limit(rightLow <= falseLowShare, figures.claims, enough, { ...figures, rightLow }));
    const final = own(calm).filter((seen) => isFinalFlink(seen, indexed));
    const high = final.filter(({ claim }) => claim.contract.level === 'HIGH').length;
    const enoughHigh = spoiled || share(high, final.length) >= highShare;
    collector.note('high-share', id, limit(enoughHigh, final.length, enough, { high, final: final.length }));
    for (const seen of own(indexed.seen)) {
      if (isFolded(seen.claim.kind)) collector.note('measured', seen.id, 'holds');
    }
  }
  const byStore = new Map(history.meta.stores.map((store) => [store, seenOf(indexed.seen, store)]));
  const faults = history.faults.flatMap((fault, i) => {
    const until = history.faults[i + 1]?.started.mono ?? Infinity;
    return history.meta.stores.map((store) => faultFigures(fault, until, store, byStore.get(store) ?? []));
  });
  const falseLows = calm.filter(({ claim }) => claim.contract.level === 'LOW').slice(0, 3);
  const examples = falseLows.map(({ id, claim }) => ({
    ...id,
    reasons: claim.contract.reasons,
    row: brief(indexed.truth.newest(id.key)),
  }));
  return collector.verdict({ stores, withoutFaults: calmStores, faults, lowWithoutFaults: examples });
}

/** Only what was read under load: the final read is of another kind. */
const quietFrom = (history: History): number => history.quiet?.at ?? Infinity;

function isFinalFlink({ claim, id, shown }: Seen, { truth }: Indexed): boolean {
  return claim.engine === 'FLINK' && claim.value !== null && truth.newest(id.key, shown)?.document.final === true;
}
