/**
 * No overclaim: each sentence of contract.md §2, held against every answer. The sentences are `row-claims.ts` (one answer
 * alone), `times.ts` (answers after each other) and below: what is only known at the end, and sets.
 */
import { keyOf, type Answer, type History, type SetClaim, type Value } from '../history/types.js';
import { describe, End, faultsDuring, indexOf, isFolded, type Indexed, type Seen } from './claims.js';
import { holds } from './equal.js';
import { ROW_SENTENCES } from './row-claims.js';
import { checkTimes } from './times.js';
import { checkTokens } from './tokens.js';
import type { TruthIndex } from './truth.js';
import { broken, Collector, unknown, type Outcome, type Verdict } from './verdict.js';

/** EVENTUALLY_CONSISTENT: at the quiet end the value equals the fold, or its level has been lowered to LOW. */
function converges({ claim, id }: Seen, end: End): Outcome {
  if (claim.contract.level !== 'EVENTUALLY_CONSISTENT') return null;
  const { history, fold } = end.indexed;
  if (history.quiet === null) return unknown('the history has no quiet end');
  if (!isFolded(claim.kind)) return unknown('no fold of this kind');
  if (end.isLow(id.key)) return 'holds';
  const last = end.answers(id.key);
  if (last.length === 0) return unknown('not read again at the end');
  const folded = fold.fold(claim.kind, claim.businessKey);
  const wrong = last.find(({ claim: { value } }) =>
    value === null ? folded !== null && !folded.deleted : folded === null || !holds(folded.value, value),
  );
  return wrong === undefined ? 'holds' : broken({ fold: folded?.value ?? null, end: describe(wrong) });
}

/** Every live row of the set that was accepted up to then, and lived on until the answer had come, is a member. */
function missingFrom(claim: SetClaim, upTo: number, until: number | null, truth: TruthIndex): string[] {
  const members = new Set(claim.members.map((businessKey) => keyOf({ ...claim, businessKey })));
  const inSet = (key: string, position: number): boolean => {
    const document = truth.newest(key, position)?.document;
    return (
      document !== undefined &&
      !document.deleted &&
      Object.entries(claim.where).every(([name, value]) => document.value[name] === value) &&
      isBetween(document.value, claim.between)
    );
  };
  return truth.matchingKeys(claim.kind, claim.engine, claim.where).filter((key) => {
    if (members.has(key) || !inSet(key, upTo)) return false;
    const later = truth.versions(key).filter(({ position }) => position > upTo && position <= (until ?? Infinity));
    return later.every(({ position }) => inSet(key, position));
  });
}

/** Times of one form: their texts are in their order. */
function isBetween(value: Value, between: SetClaim['between']): boolean {
  if (between === undefined) return true;
  const at = String(value[between.field]);
  return at >= between.from && at < between.to;
}

function checkSets({ history, truth }: Indexed, collector: Collector): void {
  for (const answer of history.answers) {
    for (const claim of answer.claims) if (claim.subject === 'set') checkSet(claim, answer, history, truth, collector);
  }
}

function checkSet(claim: SetClaim, answer: Answer, history: History, truth: TruthIndex, collector: Collector): void {
  const { contract } = claim;
  const until = truth.currentHigh(answer.ended.mono);
  const fault = faultsDuring(history, answer.started.mono, answer.ended.mono);
  const id = {
    key: `set|${claim.kind}|${claim.engine}|${JSON.stringify(claim.where)}`,
    position: contract.position,
    fault,
  };
  const missing = (upTo: number | null): Outcome => {
    if (!claim.complete) return null;
    if (upTo === null) return broken({ why: 'no accepted write has this commit time' });
    const keys = missingFrom(claim, upTo, until, truth);
    return keys.length === 0 ? 'holds' : broken({ missing: keys.slice(0, 10), count: keys.length });
  };
  const context = (): Record<string, unknown> => ({ answer: answer.id, started: answer.started, contract });
  if (contract.asOf !== null) collector.note('set.as-of', id, missing(truth.positionAt(contract.asOf)), context);
  const begun = truth.currentLow(answer.started.mono);
  if (contract.level === 'HIGH') collector.note('set.high', id, missing(begun), context);
  if (contract.scope === 'STRONG') collector.note('set.strong', id, missing(begun), context);
  if (contract.scope === 'SEARCH') {
    const over = contract.level === 'HIGH';
    collector.note('set.search', id, over ? broken({ why: "a search's set is never HIGH" }) : 'holds', context);
  }
}

export function noOverclaim(history: History): Verdict {
  const indexed = indexOf(history);
  const collector = new Collector('no-overclaim');
  const end = new End(indexed);
  for (const seen of indexed.seen) {
    const context = (): Record<string, unknown> => describe(seen);
    for (const [sentence, check] of Object.entries(ROW_SENTENCES)) {
      collector.note(sentence, seen.id, check(seen, indexed), context);
    }
    collector.note('eventual.converges', seen.id, converges(seen, end), context);
  }
  checkTimes(indexed, collector);
  checkSets(indexed, collector);
  checkTokens(indexed, collector);
  return collector.verdict();
}
