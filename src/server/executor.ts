/**
 * Execution by graphql-jit: a document that comes again is compiled once and kept, a bounded number of them. The first time it is
 * interpreted by graphql-js: compiling takes 5 to 50 ms of CPU (the saved queries; more in a server that has just started) of the
 * one thread that everybody waits for, and many documents (a person's, or those of a client that writes its keys into the
 * text) come once. Not where many values may come back: there
 * interpreting takes longer than compiling and running what was compiled.
 *
 * Three traps: the compiler writes into the document's nodes, so it gets a copy of its own (a document compiled twice would
 * mix its conditions); and an Int may be an object that becomes a number when the response is sent (LateStaleness), so
 * the Int serializer lets it through, that of graphql-js, too. And the compiler demands a non-null variable even if it has a default, so defaults
 * are filled in before it looks.
 */
import type { ApolloServerOptionsWithGateway, BaseContext } from '@apollo/server';
import {
  execute,
  getOperationAST,
  GraphQLError,
  GraphQLInt,
  Kind,
  parse,
  valueFromASTUntyped,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { compileQuery, isCompiledQuery, type CompiledQuery } from 'graphql-jit';
import { LateStaleness } from '../contract/staleness.js';
import { LruMap } from './lru-map.js';

type GatewayInterface = ApolloServerOptionsWithGateway<BaseContext>['gateway'];
export type GatewayExecutor = NonNullable<Awaited<ReturnType<GatewayInterface['load']>>['executor']>;
type Variables = Readonly<Record<string, unknown>>;
type Compiled = { readonly fields: number } & (
  | { readonly query: CompiledQuery['query']; readonly defaults: Variables }
  | { readonly errors: readonly GraphQLError[] }
);

/** One operation to be executed; of a subscription, one event of it. */
export interface Run {
  readonly source: string;
  readonly document: DocumentNode;
  /** Of the source. */
  readonly hash: string;
  readonly operationName: string | null;
  /** Of a subscription: the event. */
  readonly root: unknown;
  readonly context: unknown;
  readonly variables: Variables | undefined;
}
type Ran = ExecutionResult<Record<string, unknown>, Record<string, unknown>>;
export type Runner = (run: Run) => Promise<Ran>;

const plainInt = GraphQLInt.serialize;

/** Ints as the schema has them, but for those that are only known when the response is sent. */
export const serializeInt = (value: unknown): unknown => (value instanceof LateStaleness ? value : plainInt(value));

// graphql-js knows no serializers but a type's own, and there is one Int for all schemas.
GraphQLInt.serialize = serializeInt as typeof plainInt;

/** Documents that are remembered to have come before. */
const MOST_SEEN = 10_000;

/** Up to here a document is interpreted once: about as many values take as long to interpret as a document to compile. */
const MOST_INTERPRETED = 1_000;

export interface ExecutorOptions {
  /**
   * Fields of compiled documents kept, of all documents together; the least recently used goes first. A document's code grows
   * with its fields, each about 2.5 kB (heap after 40 documents of 172 and of 860 fields): clients that write their keys
   * into the text would else fill the memory.
   */
  readonly capacity: number;
  /** How many values the operation can bring back. */
  readonly valuesOf: (document: DocumentNode, operation: OperationDefinitionNode, variables: Variables) => number;
  /** Called before a document is compiled. */
  readonly onCompile?: () => void;
}

export function createRunner(schema: GraphQLSchema, options: ExecutorOptions): Runner {
  const kept = new LruMap<string, Compiled>(options.capacity, ({ fields }) => fields);
  const seen = new LruMap<string, true>(MOST_SEEN);
  const isSmall = (document: DocumentNode, operationName: string | null, variables: Variables): boolean => {
    const operation = getOperationAST(document, operationName);
    return operation != null && options.valuesOf(document, operation, variables) <= MOST_INTERPRETED;
  };
  return async ({ source, document, hash, operationName, root, context, variables }) => {
    const key = `${hash}/${operationName ?? ''}`;
    let compiled = kept.get(key);
    const variableValues = variables ?? {};
    if (compiled === undefined && seen.get(key) === undefined && isSmall(document, operationName, variableValues)) {
      seen.set(key, true);
      return withPlainErrors(
        await execute({ schema, document, rootValue: root, contextValue: context, variableValues, operationName }),
      );
    }
    if (compiled === undefined) {
      options.onCompile?.();
      compiled = compile(schema, source, operationName);
      kept.set(key, compiled);
    }
    if (!('query' in compiled)) return { errors: compiled.errors.map((error) => plainError(error, {})) };
    return withPlainErrors(await compiled.query(root, context, withDefaults(compiled.defaults, variables)));
  };
}

/** The runner as Apollo Server calls it. */
export const executorOf =
  (run: Runner): GatewayExecutor =>
  ({ source, document, queryHash, operationName, context, request }) =>
    run({ source, document, hash: queryHash, operationName, root: null, context, variables: request.variables });

/** For servers that execute nothing else: see `createRunner`. */
export const createExecutor = (schema: GraphQLSchema, options: ExecutorOptions): GatewayExecutor =>
  executorOf(createRunner(schema, options));

/** The executor in the shape in which Apollo Server takes one. */
export function gatewayOf(schema: GraphQLSchema, executor: GatewayExecutor): GatewayInterface {
  let announce: Parameters<GatewayInterface['onSchemaLoadOrUpdate']>[0] | undefined;
  return {
    onSchemaLoadOrUpdate: (callback) => {
      announce = callback;
      return () => undefined;
    },
    load: async () => {
      announce?.({ apiSchema: schema, coreSupergraphSdl: '' });
      return { executor };
    },
    stop: async () => undefined,
  };
}

function compile(schema: GraphQLSchema, source: string, operationName: string | null): Compiled {
  const document = parse(source);
  const fields = fieldsOf(document);
  const compiled = compileQuery(schema, document, operationName ?? undefined, {
    customSerializers: { Int: serializeInt },
    useExperimentalPathBasedSkipInclude: true,
  });
  if (!isCompiledQuery(compiled)) return { fields, errors: compiled.errors ?? [] };
  return { fields, query: compiled.query, defaults: defaultsOf(document, operationName) };
}

/** Fields of a document, those of a fragment wherever it is spread: what the compiler writes code for. */
export function fieldsOf(document: DocumentNode): number {
  const known = new Map<string, number>();
  const fragments = new Map(
    document.definitions.flatMap((each) =>
      each.kind === Kind.FRAGMENT_DEFINITION ? [[each.name.value, each] as const] : [],
    ),
  );
  const spread = (name: string): number => {
    const before = known.get(name);
    if (before !== undefined) return before;
    // Validation has refused a fragment that spreads itself; counted here, it would never end.
    known.set(name, 0);
    const count = within(fragments.get(name)?.selectionSet);
    known.set(name, count);
    return count;
  };
  const within = (set: SelectionSetNode | undefined): number =>
    (set?.selections ?? []).reduce(
      (sum, each) =>
        sum +
        (each.kind === Kind.FRAGMENT_SPREAD ? spread(each.name.value) : within(each.selectionSet)) +
        (each.kind === Kind.FIELD ? 1 : 0),
      0,
    );
  return document.definitions.reduce(
    (sum, each) => sum + (each.kind === Kind.OPERATION_DEFINITION ? within(each.selectionSet) : 0),
    0,
  );
}

const defaultsOf = (document: DocumentNode, operationName: string | null): Variables =>
  Object.fromEntries(
    (getOperationAST(document, operationName)?.variableDefinitions ?? []).flatMap(({ variable, defaultValue }) =>
      defaultValue === undefined ? [] : [[variable.name.value, valueFromASTUntyped(defaultValue)]],
    ),
  );

/** A variable left out has its default; one that is null stays null. */
const withDefaults = (defaults: Variables, given: Variables | undefined): Record<string, unknown> => ({
  ...defaults,
  ...given,
});

/**
 * The compiler's errors lack `extensions`, over which Apollo stumbles: graphql's own take their place. Without data
 * nothing was executed: the variables did not fit, and that is the client's to mend.
 */
function withPlainErrors(result: ExecutionResult): Ran {
  if (result.errors === undefined) return result;
  const unexecuted = result.data === undefined;
  const mark = unexecuted ? { code: 'BAD_USER_INPUT', http: { status: 400 } } : {};
  const errors = result.errors.map((error) => plainError(error, mark));
  return unexecuted ? { errors } : { data: result.data as Record<string, unknown>, errors };
}

function plainError(error: GraphQLError, mark: Record<string, unknown>): GraphQLError {
  const { message, path, originalError, locations } = error;
  const plain = new GraphQLError(message, {
    path: path ?? null,
    originalError: originalError ?? null,
    extensions: { ...mark, ...(error.extensions as Record<string, unknown> | undefined) },
  });
  // The compiler knows lines and columns, not nodes; the constructor takes only those.
  if (locations !== undefined) Object.defineProperty(plain, 'locations', { value: locations, enumerable: true });
  return plain;
}
