/**
 * From a field of the schema to its place in the response: aliases, fragments and merged selections respected. The
 * result belongs to the document, so it is remembered with it, unless @skip or @include makes it depend on variables.
 */
import {
  getDirectiveValues,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  Kind,
  type FieldNode,
  type FragmentDefinitionNode,
  type SelectionNode,
} from 'graphql';

export interface SelectionSource {
  readonly fieldNodes: readonly FieldNode[];
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  readonly variableValues: Readonly<Record<string, unknown>>;
}

const remembered = new WeakMap<FieldNode, Map<string, readonly (readonly string[])[]>>();

/**
 * The response keys under which the path of field names (below `source`'s field) is selected: `['edges', 'node']` may
 * be `[['edges', 'node'], ['e', 'n']]`. Empty when it is not selected at all.
 */
export function responseKeys(source: SelectionSource, names: readonly string[]): readonly (readonly string[])[] {
  const [first] = source.fieldNodes;
  if (first === undefined) return [];
  const id = names.join('.');
  const known = remembered.get(first)?.get(id);
  if (known !== undefined) return known;
  const walk = { conditional: false };
  const found = keysBelow(source, source.fieldNodes, names, walk);
  if (!walk.conditional) {
    const byPath = remembered.get(first) ?? new Map<string, readonly (readonly string[])[]>();
    remembered.set(first, byPath.set(id, found));
  }
  return found;
}

function keysBelow(
  source: SelectionSource,
  nodes: readonly FieldNode[],
  names: readonly string[],
  walk: { conditional: boolean },
): string[][] {
  const [name, ...rest] = names;
  if (name === undefined) return [[]];
  const byKey = new Map<string, FieldNode[]>();
  for (const node of nodes) collect(source, node.selectionSet?.selections ?? [], name, byKey, walk);
  return [...byKey].flatMap(([key, below]) => keysBelow(source, below, rest, walk).map((path) => [key, ...path]));
}

function collect(
  source: SelectionSource,
  selections: readonly SelectionNode[],
  name: string,
  byKey: Map<string, FieldNode[]>,
  walk: { conditional: boolean },
): void {
  for (const selection of selections) {
    if (!included(source, selection, walk)) continue;
    if (selection.kind === Kind.FIELD) {
      if (selection.name.value !== name) continue;
      const key = selection.alias?.value ?? name;
      byKey.set(key, [...(byKey.get(key) ?? []), selection]);
    } else {
      const target = selection.kind === Kind.INLINE_FRAGMENT ? selection : source.fragments[selection.name.value];
      collect(source, target?.selectionSet.selections ?? [], name, byKey, walk);
    }
  }
}

function included(source: SelectionSource, node: SelectionNode, walk: { conditional: boolean }): boolean {
  if (node.directives === undefined || node.directives.length === 0) return true;
  walk.conditional = true;
  if (getDirectiveValues(GraphQLSkipDirective, node, source.variableValues)?.['if'] === true) return false;
  return getDirectiveValues(GraphQLIncludeDirective, node, source.variableValues)?.['if'] !== false;
}
