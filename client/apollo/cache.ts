/** How the normalised cache keeps contract fields: each with the contract of the answer it came with. */
import type { FieldFunctionOptions, PossibleTypesMap, StoreObject, TypePolicies } from '@apollo/client/cache';
import type { Received } from '../contract.js';
import { FIELD_CONTRACT } from './document.js';

/** The server's types of contract fields. A test holds these lists to the schema. */
export const CONTRACT_TYPES = [
  'Contract',
  'ContractBoolean',
  'ContractDateTime',
  'ContractDecimal',
  'ContractInt',
  'ContractJSON',
  'ContractString',
] as const;
export const RESULT_TYPES = ['Anomaly', 'GenericResult', 'Order', 'OrderWindow'] as const;

/** For `new InMemoryCache({ possibleTypes })`. @param more result types of your own server */
export const possibleTypes = (more: readonly string[] = []): PossibleTypesMap => ({
  ContractField: [...CONTRACT_TYPES],
  Result: [...RESULT_TYPES, ...more],
});

/** For `new InMemoryCache({ typePolicies })`. */
export const typePolicies: TypePolicies = {
  Result: { keyFields: (object) => keyOfResult(object) },
  ContractField: { keyFields: false, merge: newestWhole },
  // Of a set: it belongs to the members that it came with, which are always the incoming ones.
  Contract: { keyFields: false, merge: (_existing: StoreObject | undefined, incoming: StoreObject) => incoming },
};

/**
 * A result is one of its kind, key and engine: the two engines' answers are two things. Who asks for less gets it kept
 * where it was asked for, and only there.
 */
function keyOfResult(object: Readonly<Record<string, unknown>>): string | undefined {
  const { __typename, kind, businessKey, engine } = object;
  if ([__typename, kind, businessKey, engine].some((part) => typeof part !== 'string')) return undefined;
  return `${String(__typename)}:${JSON.stringify([kind, businessKey, engine])}`;
}

/**
 * A field is replaced whole, never mixed: a value with the contract of another answer would claim what nobody proved. An
 * answer that is known to show less than what is kept does not replace it: that would take back what was seen.
 */
function newestWhole(
  existing: StoreObject | undefined,
  incoming: StoreObject,
  { readField }: Pick<FieldFunctionOptions, 'readField'>,
): StoreObject {
  if (existing === undefined) return incoming;
  const covered = Object.keys(incoming).every((name) => name in existing);
  const [kept, come] = [existing, incoming].map((from) => readField<Received | null>(FIELD_CONTRACT, from) ?? null);
  return covered && showsLess(come ?? null, kept ?? null) ? existing : incoming;
}

/** Does `a` reflect less than `b` for certain? Of two histories nobody can tell. */
function showsLess(a: Received | null, b: Received | null): boolean {
  if (a === null || b === null || a.incarnation === null || a.incarnation !== b.incarnation) return false;
  const [first, second] = [a.contract.asOf, b.contract.asOf];
  return first !== null && second !== null && first < second;
}
