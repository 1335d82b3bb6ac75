/** One record against the table: what Postgres does with it, and what the result is worth. Pure. */
import { NOTHING_EXPIRED, type Expiry } from '../position/expiry.js';
import { CONFIDENCE_LEVELS, weakest, type ConfidenceLevel, type ReasonCode } from '../words.js';
import { observe, type Observation } from './observe.js';
import type { IncomingResult, PipelineFacts, ResultState } from './state.js';
import { DECISION_TABLE, READ_TIME_RULES, STICKY_REASONS, type DecisionRule, type PostgresAction } from './table.js';

/** The level that each reason allows at most, read off the table. */
const CAP_OF_REASON: ReadonlyMap<string, ConfidenceLevel> = new Map(
  [...DECISION_TABLE, ...READ_TIME_RULES].flatMap((rule) =>
    rule.reason !== null && rule.level !== null ? [[rule.reason as string, rule.level] as const] : [],
  ),
);

/** The level that a set of reasons allows. A reason nobody knows lowers to LOW: unknown evidence never raises. */
export const capOf = (reasons: readonly string[]): ConfidenceLevel =>
  reasons.map((reason) => CAP_OF_REASON.get(reason) ?? 'LOW').reduce<ConfidenceLevel>(weakest, CONFIDENCE_LEVELS[0]);

const union = (...lists: readonly (readonly string[])[]): string[] => [...new Set(lists.flat())];

const stickyOf = (reasons: readonly string[]): string[] => reasons.filter((reason) => STICKY_REASONS.has(reason));

/** The result with `reason` held against it: its level can only fall. */
export function lower<T extends Pick<ResultState, 'cap' | 'reasons'>>(row: T, ...reasons: readonly ReasonCode[]): T {
  const all = union(row.reasons, reasons);
  return { ...row, reasons: all, cap: weakest(row.cap, capOf(all)) };
}

export type Decision =
  | { readonly action: 'upsert'; readonly row: ResultState; readonly reprocess: readonly string[] }
  | { readonly action: 'stable' }
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

/** @param stored the row as it stands after the earlier records of the batch; null: no such result yet */
export function decide(
  record: IncomingResult,
  stored: ResultState | null,
  facts: PipelineFacts,
  expiry: Pick<Expiry, 'kinds'> = NOTHING_EXPIRED,
): Decision {
  const rules = matching(observe(record, stored, facts, expiry));
  const action = STRONGEST_FIRST.find((candidate) => rules.some((rule) => rule.postgres === candidate));
  if (action === 'REFUSE') return refuse(rules, stored);
  if (action === 'STABLE') return { action: 'stable' };
  const held = stickyOf(stored?.reasons ?? []);
  const reasons = union(
    rules.flatMap((rule) => rule.reason ?? []),
    held,
  );
  // No rule, no evidence: an engine the table does not know may store, and is trusted with nothing.
  const cap = rules.length === 0 ? 'LOW' : capOf(reasons);
  const stale = rules.some((rule) => rule.stale) || held.includes('LATE_UPDATE');
  return { action: 'upsert', row: { ...record.state, cap, reasons, stale }, reprocess: reprocessOf(rules) };
}

const reprocessOf = (rules: readonly DecisionRule[]): string[] =>
  rules.flatMap((rule) => (rule.reprocess && rule.reason !== null ? [rule.reason] : []));

function refuse(rules: readonly DecisionRule[], stored: ResultState | null): Decision {
  const refusing = rules.filter((rule) => rule.postgres === 'REFUSE');
  const reasons = refusing.flatMap((rule) => rule.reason ?? []);
  return {
    action: 'refuse',
    reason: reasons[0] ?? 'RUN_SUPERSEDED',
    row: stored === null || reasons.length === 0 ? null : lower(stored, ...reasons),
    reprocess: reprocessOf(refusing),
  };
}
