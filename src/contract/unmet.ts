/** What came of a requirement: how it was met, or what was offered instead, for clients (docs/CONTRACT.md). */
import { AppError } from '../errors.js';
import { encodeToken } from '../position/token.js';
import type { Position } from '../position/position.js';
import { lacks, type Lack, type Offer, type Requirement } from '../planner/requirement.js';
import type { Store } from '../words.js';

export type Step =
  | {
      readonly did: 'READ';
      readonly store: Store;
      readonly outcome: 'MET' | 'UNMET' | 'FAILED' | 'REFUSED';
      readonly lacks: readonly Lack[];
      readonly tookMs: number;
    }
  | {
      readonly did: 'WAIT';
      readonly store: Store;
      readonly outcome: 'REACHED' | 'TIMED_OUT';
      readonly until: Position;
      readonly tookMs: number;
    };

/** The way that one field's answer took. */
export interface Taken {
  readonly requirement: Requirement;
  readonly met: boolean;
  /** null: nobody's answer was given. */
  readonly servedBy: Store | null;
  readonly steps: readonly Step[];
  /** What the stores said that were asked, whether it met the requirement or not. */
  readonly offered: readonly Offer[];
  /** When it could be met, by what is known now; null: nobody knows, or not by waiting. Milliseconds. */
  readonly retryAfterMs: number | null;
  /** Of the answer that was given, at the time of the call; null: unknown. */
  readonly stalenessMs: () => number | null;
}

/** CONSISTENCY_UNMET: as an error of the field, or, where null was asked for, as its null. */
export class Unmet extends AppError {
  constructor(
    readonly taken: Taken,
    readonly as: 'NULL' | 'ERROR',
  ) {
    super('CONSISTENCY_UNMET', messageOf(taken), {
      retryable: true,
      outcome: 'none',
      details: unmetOf(taken),
    });
  }
}

function messageOf({ requirement, offered, retryAfterMs }: Taken): string {
  const lacking = [...new Set(offered.flatMap((offer) => lacks(requirement, offer)))];
  const which = lacking.length === 0 ? 'No store answered' : `No store could meet it (${lacking.join(', ')})`;
  return `${which}. ${retryAfterMs === null ? 'When it could be met is not known.' : `Try again in ${retryAfterMs} ms.`}`;
}

/** For `extensions.consistency.unmet`, and for the error. */
export const unmetOf = ({ requirement, offered, retryAfterMs }: Taken): Readonly<Record<string, unknown>> => ({
  required: plainRequirement(requirement),
  offered: offered.map((offer) => ({ ...plainOffer(offer), lacks: lacks(requirement, offer) })),
  retryAfterMs,
});

/** For `extensions.consistency.plan`. */
export const planOf = ({ requirement, met, servedBy, steps }: Taken): Readonly<Record<string, unknown>> => ({
  required: plainRequirement(requirement),
  met,
  servedBy,
  steps: steps.map((step) => (step.did === 'WAIT' ? { ...step, until: step.until.toString() } : step)),
});

const plainRequirement = (requirement: Requirement): Readonly<Record<string, unknown>> => ({
  minConfidence: requirement.minConfidence,
  scope: requirement.scope,
  maxStalenessMs: requirement.maxStalenessMs,
  atLeast: requirement.atLeast === null ? null : encodeToken(requirement.atLeast),
  onUnmet: requirement.onUnmet,
  timeoutMs: requirement.timeoutMs,
});

const plainOffer = (offer: Offer): Readonly<Record<string, unknown>> => ({
  store: offer.store,
  confidenceLevel: offer.level,
  consistencyScope: offer.scope,
  stalenessMs: offer.stalenessMs,
  position: offer.reflects?.position.toString() ?? null,
  reasons: offer.reasons,
});
