/** Requirements: what was required is there, or it is said that it is not, in the way that was asked for. */
import { keyOf, type Claim, type History, type Level, type Needs } from '../history/types.js';
import { faultsDuring } from './claims.js';
import { broken, Collector, type Verdict } from './verdict.js';

const RANK: Readonly<Record<Level, number>> = { LOW: 0, EVENTUALLY_CONSISTENT: 1, HIGH: 2 };

/** What of it an answer lacks, by its own contract. */
function lacking({ contract }: Claim, { minConfidence, maxStalenessMs }: Needs): string[] {
  const { level, stalenessMs } = contract;
  return [
    ...(minConfidence !== undefined && RANK[level] < RANK[minConfidence] ? ['minConfidence'] : []),
    ...(maxStalenessMs !== undefined && (stalenessMs === null || stalenessMs > maxStalenessMs)
      ? ['maxStalenessMs']
      : []),
  ];
}

const nameOf = (claim: Claim): string => (claim.subject === 'row' ? keyOf(claim) : `${claim.kind}|${claim.engine}|set`);

export function requirements(history: History): Verdict {
  const collector = new Collector('requirements');
  for (const { needs, unmet, claims, started, ended, id } of history.answers) {
    if (needs === undefined) continue;
    const fault = faultsDuring(history, started.mono, ended.mono);
    for (const claim of claims) {
      const lacks = lacking(claim, needs);
      const claimId = { key: nameOf(claim), position: claim.contract.position, fault };
      const said = needs.onUnmet === 'FALLBACK' && unmet === true;
      const outcome =
        lacks.length === 0 || said ? 'holds' : broken({ needs, lacks, contract: claim.contract, answer: id });
      collector.note(needs.onUnmet === 'FALLBACK' ? 'met-or-said' : 'met-or-withheld', claimId, outcome);
    }
  }
  return collector.verdict();
}
