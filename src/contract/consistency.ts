/**
 * `@consistency`: what an answer must be good for. Of the operation's, the field's and the header's demands the stricter part of
 * each holds. Whatever is malformed, contradictory or not supported is refused before anything is read.
 */
import {
  DirectiveLocation,
  getVariableValues,
  GraphQLBoolean,
  GraphQLDirective,
  GraphQLEnumType,
  GraphQLInt,
  GraphQLString,
  Kind,
  visit,
  type DirectiveNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import {
  DEFAULT_TIMEOUT_MS,
  isFree,
  NO_DEMAND,
  NO_REQUIREMENT,
  ON_UNMET,
  requirementOf,
  type Demand,
  type Requirement,
} from '../planner/requirement.js';
import type { ConsistencyScope } from '../words.js';
import { demandOf, demandOfHeader, fail, refuseContradiction, together } from './demand.js';

/** The directive over the schema's own enum types. */
export function consistencyDirective(level: GraphQLEnumType, scope: GraphQLEnumType): GraphQLDirective {
  const onUnmet = new GraphQLEnumType({
    name: 'OnUnmet',
    description: 'What to do when no store can meet a requirement.',
    values: Object.fromEntries(ON_UNMET.map((name) => [name, { description: ON_UNMET_MEANS[name] }])),
  });
  return new GraphQLDirective({
    name: 'consistency',
    description:
      'What the answer must be good for: on the operation, or on a field of Query that reads results. Of both, and of the header Tidemark-Consistency, the stricter part of each holds. A requirement on a listing holds for the set and for each of its rows.',
    locations: [DirectiveLocation.QUERY, DirectiveLocation.SUBSCRIPTION, DirectiveLocation.FIELD],
    args: {
      minConfidence: { type: level, description: 'At least this level.' },
      scope: {
        type: scope,
        description:
          'STRONG: Postgres, read after the request began. EVENTUAL: a read model. SEARCH: an Elasticsearch search, for lists.',
      },
      maxStalenessMs: { type: GraphQLInt, description: 'stalenessMs is known, and at most this; at least 1.' },
      atLeast: {
        type: GraphQLString,
        description: 'A token of an earlier response: everything that it reflects is reflected.',
      },
      onUnmet: { type: onUnmet, defaultValue: 'FALLBACK' },
      timeoutMs: {
        type: GraphQLInt,
        defaultValue: DEFAULT_TIMEOUT_MS,
        description: 'How long may be waited for a store to catch up; bounded by the time that a request may take.',
      },
      explainPlan: {
        type: GraphQLBoolean,
        defaultValue: false,
        description: 'Tell in `extensions.consistency.plan` which stores were asked and waited for.',
      },
    },
  });
}

const ON_UNMET_MEANS: Readonly<Record<(typeof ON_UNMET)[number], string>> = {
  FALLBACK: 'The best answer that there is, with the contract that it has; `extensions.consistency.unmet` says so.',
  WAIT: 'Wait for it, up to `timeoutMs`; then the error CONSISTENCY_UNMET.',
  NULL: 'null for the field; `extensions.consistency.unmet` says why.',
  ERROR: 'The error CONSISTENCY_UNMET, with what was offered.',
};

/** What is demanded of each root field, by its response key. */
export interface ConsistencyPlan {
  requirement(responseKey: string): Requirement;
}

export const NO_PLAN: ConsistencyPlan = { requirement: () => NO_REQUIREMENT };

/** Root fields that read results → the scopes that each can be read with, its default first. */
export type Readable = ReadonlyMap<string, readonly ConsistencyScope[]>;

export interface PlanInput {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly header: string | undefined;
}

/**
 * Reads the demands of a valid document and of its request.
 * @param readable a demand on any other field would mean nothing
 * @param mostWaitMs what a request has left for waiting
 * @throws GraphQLError CONSISTENCY_UNSUPPORTED, CONSISTENCY_INVALID, CONSISTENCY_CONTRADICTION, TOKEN_* with the place
 */
export function planConsistency(input: PlanInput, readable: Readable, mostWaitMs: number): ConsistencyPlan {
  const { schema, document, operation } = input;
  const demands = demandsIn(document);
  const ofHeader = demandOfHeader(input.header);
  if (demands.none && ofHeader === NO_DEMAND) return NO_PLAN;
  refuseMisplaced(document, demands);
  const definition = schema.getDirective('consistency');
  // Variables that do not fit their types are refused when the document is executed.
  const { coerced = {} } = getVariableValues(schema, operation.variableDefinitions ?? [], input.variables);
  const demandAt = (node: DirectiveNode | undefined): Demand =>
    node === undefined || definition === undefined || definition === null
      ? NO_DEMAND
      : demandOf(definition, node, coerced);
  const own = demandOn(operation);
  const ofOperation = together(ofHeader, demandAt(own), [own]);
  const fields = new Map<string, Demand>();
  for (const node of rootFields(operation.selectionSet, fragmentsOf(document))) {
    const directive = demandOn(node);
    const scopes = readable.get(node.name.value);
    if (scopes === undefined) {
      if (directive !== undefined)
        throw fail('CONSISTENCY_UNSUPPORTED', `@consistency has no meaning on ${node.name.value}.`, [directive]);
      continue;
    }
    const key = node.alias?.value ?? node.name.value;
    const places = [directive, own];
    const demand = together(fields.get(key) ?? ofOperation, demandAt(directive), places);
    fields.set(key, demand);
    const { scope } = demand;
    if (scope !== null && !scopes.includes(scope)) {
      const place = directive ?? own ?? node;
      const which = scopes.join(' or ');
      throw fail('CONSISTENCY_UNSUPPORTED', `${node.name.value} can't be read with scope ${scope}: use ${which}.`, [
        place,
      ]);
    }
    refuseContradiction(
      demand,
      scopes.every((one) => one === 'SEARCH'),
      places,
    );
  }
  const made = new Map([...fields].map(([key, demand]) => [key, requirementOf(demand, mostWaitMs)] as const));
  const rest = requirementOf(ofOperation, mostWaitMs);
  return { requirement: (key) => made.get(key) ?? rest };
}

/** Nothing is demanded, and nothing is to be explained. */
export const isPlain = (requirement: Requirement): boolean => isFree(requirement) && !requirement.explainPlan;

function refuseMisplaced(document: DocumentNode, { onFields }: Demands): void {
  const fragments = fragmentsOf(document);
  const placed = new Set(
    operationsOf(document)
      .flatMap((each) => [...rootFields(each.selectionSet, fragments)])
      .map(demandOn),
  );
  for (const directive of onFields) {
    if (placed.has(directive)) continue;
    const where = 'Put @consistency on the operation or on a field of Query that reads results.';
    throw fail('CONSISTENCY_UNSUPPORTED', where, [directive]);
  }
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
