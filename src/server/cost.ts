/**
 * What a request may ask for, counted in values of the response: a field is one, a page multiplies what it selects by
 * its size. The library's cost rule multiplies by literals only, so `first: $n` would cost nothing; hence this one, with
 * the variables of the request. Pure.
 */
import {
  GraphQLError,
  Kind,
  type ArgumentNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';

type Variables = Readonly<Record<string, unknown>>;

/** An upper bound of the values that the operation can bring back. `pages`: the fields of many values → how many, unasked. */
export function costOf(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
  pages: ReadonlyMap<string, number>,
): number {
  const fragments = new Map(
    document.definitions.flatMap((node) =>
      node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [],
    ),
  );
  const given = { ...defaultsOf(operation), ...variables };
  // A fragment costs the same wherever it is spread: counted once, so that nested fragments can't make counting slow.
  const counted = new Map<string, number>();
  const ofFragment = (fragment: FragmentDefinitionNode): number => {
    const known = counted.get(fragment.name.value);
    if (known !== undefined) return known;
    const cost = ofSet(fragment.selectionSet);
    counted.set(fragment.name.value, cost);
    return cost;
  };
  const ofSet = (set: SelectionSetNode | undefined): number => {
    let cost = 0;
    for (const selection of set?.selections ?? []) {
      if (selection.kind === Kind.INLINE_FRAGMENT) cost += ofSet(selection.selectionSet);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) cost += ofSpread(fragments.get(selection.name.value));
      else
        cost +=
          1 +
          ofSet(selection.selectionSet) *
            sizeOf(selection.arguments ?? [], given, pages.get(selection.name.value) ?? null);
    }
    return cost;
  };
  const ofSpread = (fragment: FragmentDefinitionNode | undefined): number =>
    fragment === undefined ? 0 : ofFragment(fragment);
  return ofSet(operation.selectionSet);
}

/** @throws GraphQLError COST_EXCEEDED */
export function refuseCostly(cost: number, limit: number): void {
  if (cost <= limit) return;
  throw new GraphQLError(
    `The request asks for up to ${cost} values; ${limit} are the limit. Ask for smaller pages or fewer fields.`,
    {
      extensions: { code: 'COST_EXCEEDED', http: { status: 400 } },
    },
  );
}

function sizeOf(given: readonly ArgumentNode[], variables: Variables, defaultSize: number | null): number {
  if (defaultSize === null) return 1;
  const sizes = given
    .filter(({ name }) => name.value === 'first' || name.value === 'last')
    .map(({ value }) =>
      value.kind === Kind.INT ? Number(value.value) : value.kind === Kind.VARIABLE ? variables[value.name.value] : null,
    )
    .filter((size): size is number => typeof size === 'number' && size > 0);
  return sizes.length === 0 ? defaultSize : Math.max(...sizes);
}

const defaultsOf = (operation: OperationDefinitionNode): Record<string, unknown> =>
  Object.fromEntries(
    (operation.variableDefinitions ?? []).flatMap(({ variable, defaultValue }) =>
      defaultValue?.kind === Kind.INT ? [[variable.name.value, Number(defaultValue.value)]] : [],
    ),
  );
