/** From contracts to what the planner holds against a requirement. Pure. */
import { maxPosition, ORIGIN } from '../position/position.js';
import type { Token } from '../position/token.js';
import type { Offer } from '../planner/requirement.js';
import { CONSISTENCY_SCOPES, weakest } from '../words.js';
import type { SharedContract } from './field.js';

/** Of all that one field shows: of each claim the weakest. @param contracts at least one */
export function offerOf(contracts: readonly SharedContract[]): Offer {
  return contracts.map(single).reduce((a, b) => ({
    store: a.store,
    scope: CONSISTENCY_SCOPES.indexOf(a.scope) >= CONSISTENCY_SCOPES.indexOf(b.scope) ? a.scope : b.scope,
    level: weakest(a.level, b.level),
    potential: weakest(a.potential, b.potential),
    stalenessMs: a.stalenessMs === null || b.stalenessMs === null ? null : Math.max(a.stalenessMs, b.stalenessMs),
    reflects: lesser(a.reflects, b.reflects),
    current: a.current && b.current,
    currentAt: later(a, b),
    reasons: a.reasons === b.reasons ? a.reasons : [...new Set([...a.reasons, ...b.reasons])],
  }));
}

const single = ({ claim, stalenessMs }: SharedContract): Offer => ({
  store: claim.servedBy,
  scope: claim.consistencyScope,
  level: claim.confidenceLevel,
  potential: claim.potential,
  stalenessMs: stalenessMs.toJSON(),
  reflects: claim.reflects,
  current: claim.provenAt !== null,
  currentAt: claim.currentAt,
  reasons: claim.reasons,
});

const lesser = (a: Token | null, b: Token | null): Token | null =>
  a === null || b === null || a.incarnation !== b.incarnation ? null : a.position <= b.position ? a : b;

/** null: both are the newest, or nobody knows when they will be. */
function later(a: Offer, b: Offer): Offer['currentAt'] {
  if ([a, b].some(({ current, currentAt }) => !current && currentAt === null)) return null;
  return a.current && b.current ? null : maxPosition(a.currentAt ?? ORIGIN, b.currentAt ?? ORIGIN);
}
