/**
 * `@consistency`: for now the scope alone. STRONG reads Postgres, EVENTUAL a read model, SEARCH an Elasticsearch search; of
 * an operation's and a field's requirement the stricter one holds. Whatever is not supported is refused before anything
 * is read.
 */
import {
  DirectiveLocation,
  GraphQLDirective,
  GraphQLEnumType,
  GraphQLError,
  GraphQLInt,
  GraphQLString,
  Kind,
  visit,
  type ArgumentNode,
  type DirectiveNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';
import { CONSISTENCY_SCOPES, type ConsistencyScope } from '../words.js';

const ON_UNMET = ['FALLBACK', 'WAIT', 'NULL', 'ERROR'] as const;

/** The directive over the schema's own enum types. */
export function consistencyDirective(level: GraphQLEnumType, scope: GraphQLEnumType): GraphQLDirective {
  const onUnmet = new GraphQLEnumType({
    name: 'OnUnmet',
    description: 'What to do when a requirement cannot be met.',
    values: Object.fromEntries(ON_UNMET.map((name) => [name, {}])),
  });
  return new GraphQLDirective({
    name: 'consistency',
    description:
      'What the answer must be good for. Only `scope` is supported by this version; other arguments are refused with CONSISTENCY_UNSUPPORTED.',
    locations: [DirectiveLocation.QUERY, DirectiveLocation.SUBSCRIPTION, DirectiveLocation.FIELD],
    args: {
      minConfidence: { type: level },
      scope: {
        type: scope,
        description:
          'STRONG: Postgres, read after the request began. EVENTUAL: a read model. SEARCH: an Elasticsearch search, for lists. The stricter of operation and field holds.',
      },
      maxStalenessMs: { type: GraphQLInt },
      atLeast: { type: GraphQLString, description: 'A token of an earlier response.' },
      onUnmet: { type: onUnmet, defaultValue: 'FALLBACK' },
      timeoutMs: { type: GraphQLInt, defaultValue: 300 },
    },
  });
}

/** What the document demands: of the operation, and of single fields of it by response key. */
export interface ScopePlan {
  readonly operation: ConsistencyScope | null;
  readonly fields: ReadonlyMap<string, ConsistencyScope>;
}

export const NO_DEMAND: ScopePlan = { operation: null, fields: new Map() };

/** Root fields that read results → the scopes that each can be read with, its default first. */
export type Readable = ReadonlyMap<string, readonly ConsistencyScope[]>;

/** The stricter of two; they are declared strictest first. */
const stricter = (a: ConsistencyScope | null, b: ConsistencyScope | null): ConsistencyScope | null =>
  a === null || b === null ? (a ?? b) : CONSISTENCY_SCOPES.indexOf(a) <= CONSISTENCY_SCOPES.indexOf(b) ? a : b;

/** The scope to read a root field with. Without a demand: that of its default store. */
export function scopeOf(
  plan: ScopePlan,
  responseKey: string,
  byDefault: ConsistencyScope = 'EVENTUAL',
): ConsistencyScope {
  return stricter(plan.operation, plan.fields.get(responseKey) ?? null) ?? byDefault;
}

/**
 * Reads the demands of a valid document.
 * @param readable a demand on any other field would mean nothing
 * @throws GraphQLError CONSISTENCY_UNSUPPORTED with the place
 */
export function planScopes(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
  readable: Readable,
): ScopePlan {
  const demands = demandsIn(document);
  if (demands.none) return NO_DEMAND;
  const values = withDefaults(operation, variables);
  const fields = new Map<string, ConsistencyScope>();
  const fragments = fragmentsOf(document);
  const own = demandOn(operation);
  const ofOperation = own === undefined ? null : scopeIn(own, values);
  for (const node of rootFields(operation.selectionSet, fragments)) {
    const directive = demandOn(node);
    const scopes = readable.get(node.name.value);
    if (scopes === undefined) {
      if (directive !== undefined) throw unsupported(`@consistency has no meaning on ${node.name.value}.`, directive);
      continue;
    }
    const key = node.alias?.value ?? node.name.value;
    const demanded = stricter(fields.get(key) ?? null, directive === undefined ? null : scopeIn(directive, values));
    if (demanded !== null) fields.set(key, demanded);
    const scope = stricter(ofOperation, demanded);
    if (scope !== null && !scopes.includes(scope)) {
      const place = directive ?? own ?? node;
      throw unsupported(`${node.name.value} can't be read with scope ${scope}: use ${scopes.join(' or ')}.`, place);
    }
  }
  const placed = new Set(
    operationsOf(document)
      .flatMap((each) => [...rootFields(each.selectionSet, fragments)])
      .map(demandOn),
  );
  for (const directive of demands.onFields) {
    if (!placed.has(directive))
      throw unsupported('Put @consistency on the operation or on a field of Query that reads results.', directive);
  }
  return { operation: ofOperation, fields };
}

function scopeIn(directive: DirectiveNode, variables: Readonly<Record<string, unknown>>): ConsistencyScope | null {
  for (const argument of directive.arguments ?? []) {
    if (argument.name.value !== 'scope')
      throw unsupported(`@consistency(${argument.name.value}:) is not supported by this version; scope is.`, argument);
  }
  const given = directive.arguments?.[0]?.value;
  const scope = given === undefined ? null : literal(given, variables);
  return CONSISTENCY_SCOPES.find((known) => known === scope) ?? null;
}

function literal(value: ValueNode, variables: Readonly<Record<string, unknown>>): unknown {
  if (value.kind === Kind.VARIABLE) return variables[value.name.value] ?? null;
  return value.kind === Kind.ENUM ? value.value : null;
}

function withDefaults(
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const defaults = (operation.variableDefinitions ?? []).flatMap(({ variable, defaultValue }) =>
    defaultValue?.kind === Kind.ENUM ? [[variable.name.value, defaultValue.value] as const] : [],
  );
  return { ...Object.fromEntries(defaults), ...variables };
}

interface Demands {
  readonly none: boolean;
  readonly onFields: readonly DirectiveNode[];
}
const remembered = new WeakMap<DocumentNode, Demands>();

/** Every use of the directive; remembered, because nearly every document has none. */
function demandsIn(document: DocumentNode): Demands {
  const known = remembered.get(document);
  if (known !== undefined) return known;
  const onFields: DirectiveNode[] = [];
  visit(document, {
    Field: (node) => {
      const directive = demandOn(node);
      if (directive !== undefined) onFields.push(directive);
    },
  });
  const none = onFields.length === 0 && operationsOf(document).every((operation) => demandOn(operation) === undefined);
  const found = { none, onFields };
  remembered.set(document, found);
  return found;
}

const operationsOf = (document: DocumentNode): readonly OperationDefinitionNode[] =>
  document.definitions.filter((node): node is OperationDefinitionNode => node.kind === Kind.OPERATION_DEFINITION);

const demandOn = (node: FieldNode | OperationDefinitionNode): DirectiveNode | undefined =>
  node.directives?.find((directive) => directive.name.value === 'consistency');

const fragmentsOf = (document: DocumentNode): ReadonlyMap<string, FragmentDefinitionNode> =>
  new Map(
    document.definitions.flatMap((node) =>
      node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [],
    ),
  );

function* rootFields(
  set: SelectionSetNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): Iterable<FieldNode> {
  for (const selection of set.selections) {
    if (selection.kind === Kind.FIELD) yield selection;
    else {
      const target = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments.get(selection.name.value);
      if (target !== undefined) yield* rootFields(target.selectionSet, fragments);
    }
  }
}

const unsupported = (message: string, node: DirectiveNode | ArgumentNode | FieldNode): GraphQLError =>
  new GraphQLError(message, {
    nodes: node,
    extensions: { code: 'CONSISTENCY_UNSUPPORTED', http: { status: 400 } },
  });
