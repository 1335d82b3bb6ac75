/**
 * What the clients demand, at random, and whether they got it. The verdict is written out by hand from the sentences of the
 * contract (§8): it knows nothing of the planner.
 */
import type { Demand } from '../../src/planner/requirement.js';
import { position } from '../../src/position/position.js';
import type { Claim } from '../history/types.js';
import type { Random } from './random.js';

/** A history that no server of the run has ever had. */
const FOREIGN = 'another-history';

const LEVELS = ['HIGH', 'EVENTUALLY_CONSISTENT', 'LOW'] as const;
const SCOPES = ['STRONG', 'EVENTUAL', 'SEARCH'] as const;

/** @param token what the session has been shown so far; null: nothing */
export function demandAtRandom(
  random: Random,
  scope: Demand['scope'],
  token: { readonly incarnation: string; readonly position: number } | null,
): Demand {
  const foreign = random.chance(0.05);
  return {
    minConfidence: random.chance(0.5) ? random.pick(LEVELS) : null,
    scope,
    maxStalenessMs: random.chance(0.3) ? 1 + random.below(600) : null,
    atLeast: foreign
      ? { incarnation: FOREIGN, position: position(1) }
      : token !== null && random.chance(0.5)
        ? { incarnation: token.incarnation, position: position(token.position) }
        : null,
    onUnmet: random.pick(['FALLBACK', 'WAIT', 'NULL', 'ERROR'] as const),
    timeoutMs: random.below(300),
    explainPlan: null,
  };
}

/** Sentences that the answer breaks. @param met what the server said: it keeps its requirement */
export function* broken(demand: Demand, met: boolean, claims: readonly Claim[]): Generator<string> {
  // A server that has not seen Postgres since its start can't tell one history from another: then it keeps no requirement.
  const told = met || claims.some(({ contract }) => contract.provenAt !== null);
  if (demand.atLeast?.incarnation === FOREIGN && told) yield 'a token of another history was accepted';
  if (!met && demand.onUnmet !== 'FALLBACK') yield `${demand.onUnmet} was asked for, and an unmet answer was given`;
  if (!met) return;
  for (const { contract } of claims) {
    const { level, scope, stalenessMs, servedBy } = contract;
    if (demand.minConfidence !== null && LEVELS.indexOf(level) > LEVELS.indexOf(demand.minConfidence))
      yield `${demand.minConfidence} was demanded, ${servedBy} gave ${level}`;
    if (demand.scope !== null && SCOPES.indexOf(scope) > SCOPES.indexOf(demand.scope))
      yield `${demand.scope} was demanded, ${servedBy} answered by ${scope}`;
    if (demand.maxStalenessMs !== null && (stalenessMs === null || stalenessMs > demand.maxStalenessMs))
      yield `${demand.maxStalenessMs} ms were demanded, ${servedBy} gave ${stalenessMs}`;
  }
}
