import { elapsedMs, type Instant } from './clock.js';
import type { Contract, Received } from './contract.js';
import { weakerLevel } from './words.js';

export interface DecayRule {
  /** A HIGH does not stay one for longer than this without being asked for again. Milliseconds. */
  readonly maxAgeMs: number;
  /** An answer that may be older than this is stale. Milliseconds; left out: as the server said. */
  readonly maxStalenessMs?: number;
}

/**
 * What a kept contract is still worth. Pure; time only lowers it: the staleness grows with the age, HIGH ends at `maxAgeMs`,
 * and nothing returns.
 */
export function aged({ contract, since }: Received, now: Instant, rule: DecayRule): Contract {
  const ageMs = elapsedMs(since, now);
  const stalenessMs = contract.stalenessMs === null ? null : contract.stalenessMs + Math.ceil(ageMs);
  const tooOld = contract.confidenceLevel === 'HIGH' && ageMs > rule.maxAgeMs;
  return {
    ...contract,
    confidenceLevel: tooOld ? weakerLevel(contract.confidenceLevel, 'EVENTUALLY_CONSISTENT') : contract.confidenceLevel,
    reasons: tooOld ? [...contract.reasons, 'CLIENT_AGED'] : contract.reasons,
    stalenessMs,
    stale: contract.stale || (rule.maxStalenessMs !== undefined && (stalenessMs ?? Infinity) > rule.maxStalenessMs),
  };
}
