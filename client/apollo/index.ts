/** Contracts in Apollo Client: a document transform, a link, and policies for the cache. */
import { DocumentTransform } from '@apollo/client';
import { systemClock, type Instant } from '../clock.js';
import type { Contract, Received } from '../contract.js';
import { aged, type DecayRule } from '../decay.js';
import { FIELD_CONTRACT, rootContractKey, withContracts } from './document.js';

export { CONTRACT_TYPES, possibleTypes, RESULT_TYPES, typePolicies } from './cache.js';
export { consistencyLink, type LinkOptions, type TidemarkContext } from './link.js';

/** For `new ApolloClient({ documentTransform })`: gives each contract a place in the cache. */
export const contractTransform = (): DocumentTransform => new DocumentTransform(withContracts);

/**
 * The contract of a field that Apollo Client gave you, as old as it is now; null: none is known, which is the least one can
 * know.
 * @param field of a result, as you asked for it: `data.order.status`
 */
export function contractOf(field: unknown, rule: DecayRule, now: Instant = systemClock()): Contract | null {
  return agedOrNull(read(field, FIELD_CONTRACT), rule, now);
}

/**
 * That of a whole root field: of a set, of a statistic without fields, of a null.
 * @param data of the operation. @param key the root field's name in it, or its alias
 */
export function contractOfRoot(
  data: unknown,
  key: string,
  rule: DecayRule,
  now: Instant = systemClock(),
): Contract | null {
  return agedOrNull(read(data, rootContractKey(key)), rule, now);
}

const read = (from: unknown, key: string): Received | null =>
  typeof from === 'object' && from !== null
    ? ((from as Record<string, Received | null | undefined>)[key] ?? null)
    : null;

const agedOrNull = (received: Received | null, rule: DecayRule, now: Instant): Contract | null =>
  received === null ? null : aged(received, now, rule);
