import type { Requirement } from './requirement.js';

/** The request header that carries a requirement for clients that leave their documents alone. */
export const CONSISTENCY_HEADER = 'x-tidemark-consistency';

/** The requirement as the header's value: the arguments of `@consistency`, as they are written there. */
export function headerOf(requirement: Requirement): string {
  const { minConfidence, scope, maxStalenessMs, atLeast, onUnmet, timeoutMs } = requirement;
  return Object.entries({ minConfidence, scope, maxStalenessMs, atLeast, onUnmet, timeoutMs })
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${name === 'atLeast' ? `"${value}"` : value}`]))
    .join(', ');
}
