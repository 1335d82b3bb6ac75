/** Puts each contract of a response into its place in the data (document.ts). */
import { Kind, type DocumentNode, type SelectionSetNode } from 'graphql';
import type { Contracts } from '../answer.js';
import { readContract, type Received } from '../contract.js';
import {
  FIELD_CONTRACT,
  fieldsIn,
  fragmentsOf,
  isContractField,
  isRootContract,
  keyOf,
  rootContractKey,
} from './document.js';

type Fragments = ReturnType<typeof fragmentsOf>;
type Data = Record<string, unknown>;

/** @param document with the places, as the cache will write it */
export function fill(data: unknown, document: DocumentNode, contracts: Contracts): unknown {
  const operation = document.definitions.find((node) => node.kind === Kind.OPERATION_DEFINITION);
  if (!isObject(data) || operation === undefined) return data;
  const fragments = fragmentsOf(document);
  const filled = below(data, operation.selectionSet, '', fragments, contracts);
  const fields = [...fieldsIn(operation.selectionSet, fragments)];
  for (const place of fields.filter(isRootContract)) filled[keyOf(place)] = null;
  for (const root of fields) {
    const key = keyOf(root);
    if (root.selectionSet === undefined || !(key in data)) continue;
    filled[rootContractKey(key)] = ownContract(data[key], root.selectionSet, fragments, contracts.at(key));
  }
  return filled;
}

/** A set's, or a null's. That of a row belongs to its fields, which other answers may bring anew one by one. */
function ownContract(
  value: unknown,
  set: SelectionSetNode,
  fragments: Fragments,
  contract: Received | null,
): Received | null {
  if (!isObject(value)) return contract;
  const fields = [...fieldsIn(set, fragments)].filter(({ name }) => name.value !== 'contract');
  return fields.some((node) => isContractField(node, fragments)) ? null : contract;
}

function below(data: Data, set: SelectionSetNode, path: string, fragments: Fragments, contracts: Contracts): Data {
  const filled: Data = { ...data };
  for (const node of fieldsIn(set, fragments)) {
    const key = keyOf(node);
    const { selectionSet } = node;
    if (selectionSet === undefined || !(key in filled)) continue;
    const isField = isContractField(node, fragments);
    const each = (value: unknown, place: string): unknown => {
      if (Array.isArray(value)) return value.map((one, i) => each(one, `${place}.${i}`));
      if (!isObject(value)) return value;
      if (isField) return { ...value, [FIELD_CONTRACT]: ofField(value, place, contracts) };
      return below(value, selectionSet, place, fragments, contracts);
    };
    filled[key] = each(filled[key], path === '' ? key : `${path}.${key}`);
  }
  return filled;
}

/** What the response says of this place; else what the field itself says, as far as it was asked. */
function ofField(value: object, place: string, contracts: Contracts): Received | null {
  const said = contracts.ofField(place);
  if (said !== null) return said;
  const own = readContract(value);
  return own === null ? null : { contract: own, since: contracts.since, incarnation: contracts.incarnation };
}

const isObject = (value: unknown): value is Data =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
