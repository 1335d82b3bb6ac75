/** Contract + policy → what to do. Pure: no clock, no request. */
import { adviceFor, type Advice } from './advice.js';
import type { Contract } from './contract.js';
import type { Policy } from './policy.js';
import type { Requirement } from './requirement.js';
import { levelMeets, scopeMeets } from './words.js';

/**
 * - `USE`: it is what the policy asks for.
 * - `WAIT`: not yet, and it mends itself: look again in `waitMs`.
 * - `FALL_BACK`: it is not, and waiting is no use (any more).
 */
export type Action = 'USE' | 'WAIT' | 'FALL_BACK';

export const WHY = {
  NO_CONTRACT: 'The answer came without a contract: nothing is known of it.',
  CONFIDENCE_BELOW: 'Its confidence is below what the policy uses.',
  SCOPE_WEAKER: 'It came by a weaker path than the policy uses.',
  STALENESS_ABOVE: 'It may be older than the policy uses.',
  STALENESS_UNKNOWN: 'How old it may be is not known.',
  REASON_REFUSED: 'It carries a reason that the policy refuses.',
  UNMET: 'The server says that it could not meet what was asked for.',
  FAILED: 'No answer came.',
  STEADYING: 'It is good again, and not yet for long enough.',
} as const;
export type WhyCode = keyof typeof WHY;

export interface Why {
  readonly code: WhyCode;
  /** A sentence for people. */
  readonly message: string;
  /** The server's codes behind it. */
  readonly reasons: readonly string[];
}

export interface Decision {
  readonly action: Action;
  /** Empty for USE. */
  readonly why: readonly Why[];
  /** What to ask for to get something better; null: asking differently is no use. */
  readonly stricter: Requirement | null;
  /** WAIT: when to look again, milliseconds. */
  readonly waitMs: number | null;
}

export interface Circumstances {
  /** How long this has been waited for already, milliseconds. */
  readonly waitedMs?: number;
  /** The server says that it could not meet what was asked for. */
  readonly unmet?: boolean;
  /** When it could, as far as it knows. Milliseconds. */
  readonly retryAfterMs?: number | null;
}

/**
 * @param contract of the answer, aged to now (`aged`); of several the weakest (`weakestContract`); null: there is none
 */
export function decide(contract: Contract | null, policy: Policy, circumstances: Circumstances = {}): Decision {
  const why = shortcomings(contract, policy, circumstances);
  if (why.length === 0) return { action: 'USE', why, stricter: null, waitMs: null };
  const advice = worst(why.map((each) => adviceOf(each, contract)));
  const stricter = advice === 'ASK_STRICTER' ? policy.stricter : null;
  const left = policy.patienceMs - (circumstances.waitedMs ?? 0);
  if (advice === 'NOTHING' || left <= 0) return { action: 'FALL_BACK', why, stricter, waitMs: null };
  const waitMs = Math.max(circumstances.retryAfterMs ?? 0, policy.retry.baseMs, 1);
  return { action: 'WAIT', why, stricter, waitMs: Math.min(left, waitMs) };
}

function shortcomings(contract: Contract | null, policy: Policy, { unmet }: Circumstances): Why[] {
  const found: Why[] = [];
  const note = (code: WhyCode, reasons: readonly string[] = []): void => {
    found.push({ code, message: WHY[code], reasons });
  };
  if (unmet === true) note('UNMET', contract?.reasons);
  if (contract === null) {
    if (unmet !== true) note('NO_CONTRACT');
    return found;
  }
  if (!levelMeets(contract.confidenceLevel, policy.minConfidence)) note('CONFIDENCE_BELOW', contract.reasons);
  if (policy.scope !== undefined && !scopeMeets(contract.consistencyScope, policy.scope)) note('SCOPE_WEAKER');
  if (policy.maxStalenessMs !== undefined) {
    if (contract.stalenessMs === null) note('STALENESS_UNKNOWN', contract.reasons);
    else if (contract.stalenessMs > policy.maxStalenessMs) note('STALENESS_ABOVE');
  }
  const refused = contract.reasons.filter((code) => policy.refuse.includes(code));
  if (refused.length > 0) note('REASON_REFUSED', refused);
  return found;
}

/** Does it help to wait, or to ask another store? */
function adviceOf({ code, reasons }: Why, contract: Contract | null): Advice {
  switch (code) {
    case 'SCOPE_WEAKER':
    case 'STALENESS_ABOVE':
    case 'UNMET':
      return 'ASK_STRICTER';
    case 'STALENESS_UNKNOWN':
      // Postgres knows, unless it is the one that can't be asked.
      return reasons.includes('PROOF_UNAVAILABLE') ? 'WAIT' : 'ASK_STRICTER';
    case 'CONFIDENCE_BELOW':
      // LOW does not mend itself, whatever its reasons are. Without a reason nothing says that it would.
      if (contract?.confidenceLevel === 'LOW') return 'NOTHING';
      return mending(reasons);
    case 'REASON_REFUSED':
      return mending(reasons);
    case 'FAILED':
    case 'STEADYING':
      return 'WAIT';
    case 'NO_CONTRACT':
      return 'NOTHING';
  }
}

/** All of the reasons have to go: the least hopeful one counts, and one that another store lacks is worth asking for. */
const mending = (reasons: readonly string[]): Advice =>
  reasons.length === 0 ? 'NOTHING' : worst(reasons.map(adviceFor));

function worst(advice: readonly Advice[]): Advice {
  if (advice.includes('NOTHING')) return 'NOTHING';
  return advice.includes('ASK_STRICTER') ? 'ASK_STRICTER' : 'WAIT';
}
