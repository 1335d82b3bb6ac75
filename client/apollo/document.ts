/**
 * Where a document asks for contract fields, told without the schema, and a place for each contract in what the cache
 * keeps: `_contract` beside `value` in the same stored object, so that one is never replaced without the other, and
 * `_contract_<field>` beside a root field, for its set or its null. Neither goes over the wire: the link takes them out of
 * the request (`onTheWire`), and fills them in the response (fill.ts).
 */
import {
  Kind,
  OperationTypeNode,
  visit,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type SelectionSetNode,
} from 'graphql';

export const FIELD_CONTRACT = '_contract';
const ROOT_CONTRACT = '_contract_';

/** Where the contract of a root field's set or null lies in the result. */
export const rootContractKey = (responseKey: string): string => `${ROOT_CONTRACT}${responseKey}`;

/** The fields of ContractField, and the value. */
const WORDS: ReadonlySet<string> = new Set([
  'value',
  'confidenceLevel',
  'consistencyScope',
  'processingEngine',
  'lastCheckpointTime',
  'lastCdcSyncTime',
  'asOf',
  'sourceAsOf',
  'stalenessMs',
  'stale',
  'reasons',
  'servedBy',
  'position',
  'provenAt',
  '__typename',
  FIELD_CONTRACT,
]);

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

export const fragmentsOf = (document: DocumentNode): Fragments =>
  new Map(
    document.definitions.flatMap((node) =>
      node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [],
    ),
  );

/** Every field that is selected, fragments included. */
export function* fieldsIn(set: SelectionSetNode, fragments: Fragments): Iterable<FieldNode> {
  for (const selection of set.selections) {
    if (selection.kind === Kind.FIELD) yield selection;
    else {
      const target = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments.get(selection.name.value);
      if (target !== undefined) yield* fieldsIn(target.selectionSet, fragments);
    }
  }
}

/**
 * Does this field look like one with a contract: nothing but a value and words of the contract is asked of it? Something
 * else may look so, too (`stores { stalenessMs }`): it gets a place that stays empty.
 */
export function isContractField(node: FieldNode, fragments: Fragments): boolean {
  if (node.selectionSet === undefined) return false;
  const fields = [...fieldsIn(node.selectionSet, fragments)];
  const plain = ({ name, selectionSet }: FieldNode): boolean =>
    WORDS.has(name.value) && (selectionSet === undefined || name.value === 'reasons');
  return fields.every(plain) && fields.some(({ name }) => name.value !== '__typename');
}

export const keyOf = (node: FieldNode): string => node.alias?.value ?? node.name.value;
export const isRootContract = (node: FieldNode): boolean => node.name.value.startsWith(ROOT_CONTRACT);

/** The document with a place for each contract. Mutations and subscriptions stay as they are. */
export function withContracts(document: DocumentNode): DocumentNode {
  const fragments = fragmentsOf(document);
  const reads = document.definitions.every(
    (node) => node.kind !== Kind.OPERATION_DEFINITION || node.operation === OperationTypeNode.QUERY,
  );
  if (!reads) return document;
  return visit(document, {
    Field: {
      leave(node) {
        if (node.selectionSet === undefined || !isContractField(node, fragments)) return undefined;
        const { selections } = node.selectionSet;
        if (selections.some((each) => each.kind === Kind.FIELD && each.name.value === FIELD_CONTRACT)) return undefined;
        return { ...node, selectionSet: plus(node.selectionSet, [named(FIELD_CONTRACT)]) };
      },
    },
    OperationDefinition: {
      leave(node) {
        const fields = [...fieldsIn(node.selectionSet, fragments)];
        const places = new Set(fields.filter(isRootContract).map(keyOf));
        const missing = new Map<string, FieldNode>();
        for (const field of fields) {
          const key = rootContractKey(keyOf(field));
          if (field.selectionSet !== undefined && !places.has(key)) missing.set(key, rootContractOf(field));
        }
        return { ...node, selectionSet: plus(node.selectionSet, [...missing.values()]) };
      },
    },
  });
}

/** The document as the server knows it. */
export const onTheWire = (document: DocumentNode): DocumentNode =>
  visit(document, {
    Field: (node) => (node.name.value === FIELD_CONTRACT || isRootContract(node) ? null : undefined),
  });

const named = (value: string): FieldNode => ({ kind: Kind.FIELD, name: { kind: Kind.NAME, value } });
const plus = (set: SelectionSetNode, more: readonly FieldNode[]): SelectionSetNode => ({
  ...set,
  selections: [...set.selections, ...more],
});

/** The same arguments and directives, so that both are stored, and left out, together. */
function rootContractOf(root: FieldNode): FieldNode {
  const { alias, arguments: given, directives } = root;
  return {
    ...named(`${ROOT_CONTRACT}${root.name.value}`),
    ...(given !== undefined && { arguments: given }),
    ...(directives !== undefined && { directives }),
    ...(alias !== undefined && { alias: { kind: Kind.NAME, value: rootContractKey(alias.value) } }),
  };
}
