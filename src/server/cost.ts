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
  type ValueNode,
} from 'graphql';

type Variables = Readonly<Record<string, unknown>>;
/** How many values a field of many brings back when no page size is given: always as many, or by its arguments. */
export type PageSize = number | ((given: Variables) => number);

/** An upper bound of the values that the operation can bring back. `pages`: the fields of many values. */
export function costOf(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
  pages: ReadonlyMap<string, PageSize>,
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

function sizeOf(nodes: readonly ArgumentNode[], variables: Variables, page: PageSize | null): number {
  if (page === null) return 1;
  const given = Object.fromEntries(nodes.map(({ name, value }) => [name.value, valueOf(value, variables)]));
  const sizes = [given['first'], given['last']].filter((size): size is number => typeof size === 'number' && size > 0);
  if (sizes.length > 0) return Math.max(...sizes);
  return typeof page === 'number' ? page : page(given);
}

/** Numbers and texts, written or in a variable; of anything else nothing is counted. */
function valueOf(value: ValueNode, variables: Variables): unknown {
  if (value.kind === Kind.VARIABLE) return variables[value.name.value];
  if (value.kind === Kind.INT) return Number(value.value);
  return value.kind === Kind.STRING ? value.value : undefined;
}

const defaultsOf = (operation: OperationDefinitionNode): Record<string, unknown> =>
  Object.fromEntries(
    (operation.variableDefinitions ?? []).flatMap(({ variable, defaultValue }) =>
      defaultValue === undefined ? [] : [[variable.name.value, valueOf(defaultValue, {})]],
    ),
  );
