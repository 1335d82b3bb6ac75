/** One record against the table: what Postgres does with it, and what the result is worth. Pure. */
import { NOTHING_EXPIRED, type Expiry } from '../position/expiry.js';
import { CONFIDENCE_LEVELS, weakest, type ConfidenceLevel } from '../words.js';
import { decidedBy, holding } from './decided.js';
import { isReset, observe, taintsOf, type Observation } from './observe.js';
import { RUNS_KEPT } from './prune.js';
import { READ_TIME_RULES } from './read-rules.js';
import type { IncomingResult, PipelineFacts, ResultState, Taints } from './state.js';
import { DECISION_TABLE, STICKY_REASONS, TAINTING_REASONS, type DecisionRule, type PostgresAction } from './table.js';

/** The level that each reason allows at most, read off the table. */
const CAP_OF_REASON: ReadonlyMap<string, ConfidenceLevel> = new Map(
  [...DECISION_TABLE, ...READ_TIME_RULES].flatMap((rule) =>
    rule.reason !== null && rule.level !== null ? [[rule.reason as string, rule.level] as const] : [],
  ),
);

/** The level that a set of reasons allows. A reason nobody knows lowers to LOW: unknown evidence never raises. */
export const capOf = (reasons: readonly string[]): ConfidenceLevel =>
  reasons.map((reason) => CAP_OF_REASON.get(reason) ?? 'LOW').reduce<ConfidenceLevel>(weakest, CONFIDENCE_LEVELS[0]);

/** The level that these rules and all reasons, theirs and others, allow. */
export const capBy = (rules: readonly DecisionRule[], reasons: readonly string[]): ConfidenceLevel =>
  // No rule, no evidence: an engine the table does not know may store, and is trusted with nothing.
  rules.length === 0
    ? 'LOW'
    : rules.flatMap((rule) => rule.level ?? []).reduce<ConfidenceLevel>(weakest, capOf(reasons));

const union = (...lists: readonly (readonly string[])[]): string[] => [...new Set(lists.flat())];

const stickyOf = (reasons: readonly string[]): string[] => reasons.filter((reason) => STICKY_REASONS.has(reason));

/** The result with `reasons` held against it: its level can only fall. */
export function lower<T extends Pick<ResultState, 'cap' | 'reasons' | 'decided'>>(
  row: T,
  ...reasons: readonly string[]
): T {
  const all = union(row.reasons, reasons);
  const came = all.filter((reason) => !row.reasons.includes(reason));
  return { ...row, reasons: all, cap: weakest(row.cap, capOf(all)), decided: holding(row.decided, came) };
}

/** Remembers what was held against a run's state of the key. Oldest runs are forgotten first. */
export function taint(taints: Taints, run: string, reasons: readonly string[]): Taints {
  const tainting = reasons.filter((reason) => TAINTING_REASONS.has(reason));
  const known = taints[run] ?? [];
  if (tainting.every((reason) => known.includes(reason))) return taints;
  const entries = Object.entries(taints).filter(([own]) => own !== run);
  return Object.fromEntries([...entries.slice(1 - RUNS_KEPT), [run, union(known, tainting)] as const]);
}

export type Decision =
  | { readonly action: 'upsert'; readonly row: ResultState; readonly reprocess: readonly string[] }
  /**
   * `row`: null, nothing is written. Else the same value, whose evidence is renewed (`adopts`: the record's place in the
   * log and in its lineage become the row's) or which is now known to be final, or LOW.
   */
  | {
      readonly action: 'stable';
      readonly row: ResultState | null;
      readonly adopts: boolean;
      readonly reprocess: readonly string[];
    }
  /** `row`: the stored row lowered, or null where it keeps its level (or there is none). */
  | {
      readonly action: 'refuse';
      readonly reason: string;
      readonly row: ResultState | null;
      readonly reprocess: readonly string[];
    };

/** The rules that hold for an observation, in the table's order. */
export function matching(observed: Observation, table: readonly DecisionRule[] = DECISION_TABLE): DecisionRule[] {
  const holds = (rule: DecisionRule): boolean =>
    (rule.engine === 'ANY' || rule.engine === observed.engine) &&
    Object.entries(rule.when).every(([word, allowed]) =>
      (allowed as readonly string[]).includes(observed[word as keyof Observation]),
    );
  return table.filter(holds);
}

const STRONGEST_FIRST: readonly PostgresAction[] = ['REFUSE', 'STABLE', 'UPSERT'];

export const reasonsOf = (rules: readonly DecisionRule[]): string[] =>
  union(rules.flatMap((rule) => rule.reason ?? []));

/** @param stored the row as it stands after the earlier records of the batch; null: no such result yet */
export function decide(
  record: IncomingResult,
  stored: ResultState | null,
  facts: PipelineFacts,
  expiry: Pick<Expiry, 'kinds'> = NOTHING_EXPIRED,
): Decision {
  const seen = observe(record, stored, facts, expiry);
  const rules = matching(seen);
  const action = STRONGEST_FIRST.find((candidate) => rules.some((rule) => rule.postgres === candidate));
  if (action === 'REFUSE') return refuse(record, stored, rules);
  if (action === 'STABLE') return stable(record, stored, rules, taintsOf(record, stored, facts));
  return upsert(record, stored, facts, { seen, rules });
}

function upsert(
  record: IncomingResult,
  stored: ResultState | null,
  facts: PipelineFacts,
  { seen, rules }: { readonly seen: Observation; readonly rules: readonly DecisionRule[] },
): Decision {
  const verifies = record.arrival === 'REPROCESSED';
  const reset = isReset(record, stored);
  const held = verifies || reset ? [] : stickyOf(stored?.reasons ?? []);
  const carried = taintsOf(record, stored, facts);
  const own = reasonsOf(rules);
  const reasons = union(own, carried, held);
  const cap = capBy(rules, reasons);
  const stale = rules.some((rule) => rule.stale) || held.includes('LATE_UPDATE');
  const taints = taintsAfter(record, stored, own, verifies);
  // Whoever recomputes a value does not know better than the engine that it was closed.
  const final = record.state.final || (verifies && stored?.final === true);
  const verification = verifies
    ? (record.verification?.nonce ?? null)
    : // A state that was reset and is found wrong again: nothing vouches for it any more.
      reset && own.some((reason) => TAINTING_REASONS.has(reason))
      ? null
      : (stored?.verification ?? null);
  const verifiedTo = verifies ? (record.verification?.upTo ?? null) : null;
  const decided = decidedBy(seen, reasons.slice(own.length));
  const row = { ...record.state, final, cap, reasons, stale, taints, verification, verifiedTo, decided };
  // What a recomputation could not settle, another one could not either.
  return { action: 'upsert', row, reprocess: verifies ? [] : reprocessOf(rules, carried) };
}

/** A verification repairs the row; what was held against it stays held against the state of who had sent it. */
function taintsAfter(
  record: IncomingResult,
  stored: ResultState | null,
  reasons: readonly string[],
  verifies: boolean,
): Taints {
  const before = stored?.taints ?? {};
  const { run } = record.stamp;
  if (isReset(record, stored)) {
    return taint(Object.fromEntries(Object.entries(before).filter(([other]) => other !== run)), run, reasons);
  }
  if (!verifies) return taint(before, run, reasons);
  return stored === null || stored.verified ? before : taint(before, stored.run, stored.reasons);
}

const reprocessOf = (rules: readonly DecisionRule[], carried: readonly string[] = []): string[] => {
  const asking = rules.filter((rule) => rule.reprocess);
  return union(
    asking.flatMap((rule) => rule.reason ?? []),
    asking.length > 0 ? carried : [],
  );
};

/** What holds against the key although the record is not taken in. */
const keyedOf = (rules: readonly DecisionRule[]): DecisionRule[] =>
  rules.some((rule) => rule.silent) ? [] : rules.filter((rule) => rule.keyed);

function stable(
  record: IncomingResult,
  stored: ResultState | null,
  rules: readonly DecisionRule[],
  carried: readonly string[],
): Decision {
  // Taken in before, and nothing of it is left to be changed.
  if (stored === null) return { action: 'stable', row: null, adopts: false, reprocess: [] };
  const { run } = record.stamp;
  if (rules.some((rule) => rule.confirms)) {
    // A confirmation is worth no more than its own evidence.
    const weaker = rules.filter((rule) => rule.postgres === 'UPSERT');
    const held = union(reasonsOf(weaker), carried);
    const { cap, reasons, stale, verification, decided } = stored;
    const row = lower({ ...record.state, cap, reasons, stale, verification, decided }, ...held);
    const final = stored.final || record.state.final;
    const taints = taint(stored.taints, run, held);
    const reprocess = reprocessOf(weaker, carried);
    return { action: 'stable', row: { ...row, final, taints }, adopts: true, reprocess };
  }
  const keyed = keyedOf(rules);
  const reasons = reasonsOf(keyed);
  const silent = rules.some((rule) => rule.silent);
  const closes = record.state.final && !stored.final && !silent;
  const row = {
    ...lower(stored, ...reasons),
    final: stored.final || closes,
    taints: taint(stored.taints, run, reasons),
  };
  const news = closes || reasons.some((reason) => !stored.reasons.includes(reason));
  return { action: 'stable', row: news ? row : null, adopts: false, reprocess: reprocessOf(keyed) };
}

function refuse(record: IncomingResult, stored: ResultState | null, rules: readonly DecisionRule[]): Decision {
  const refusing = rules.filter((rule) => rule.postgres === 'REFUSE');
  const silent = rules.some((rule) => rule.silent);
  const holding = silent ? refusing.filter((rule) => rule.silent) : [...refusing, ...keyedOf(rules)];
  const reasons = reasonsOf(holding);
  const found = [...reasons, ...holding.flatMap((rule) => rule.taint ?? [])];
  const taints = taint(stored?.taints ?? {}, record.stamp.run, found);
  const before = stored?.verification ?? null;
  const verification =
    record.arrival === 'REPROCESSED'
      ? // The row is ahead of the recomputation; a state that is reset to it, and goes on, is right all the same.
        (record.verification?.nonce ?? before)
      : // A state that was reset and is found wrong again: nothing vouches for it any more.
        isReset(record, stored) && found.some((reason) => TAINTING_REASONS.has(reason))
        ? null
        : before;
  const news = stored !== null && (reasons.length > 0 || taints !== stored.taints || verification !== before);
  return {
    action: 'refuse',
    reason: reasonsOf(refusing)[0] ?? refusing[0]?.refusal ?? 'REFUSED',
    row: news ? { ...lower(stored, ...reasons), taints, verification } : null,
    reprocess: record.arrival === 'REPROCESSED' ? [] : reprocessOf(holding),
  };
}
