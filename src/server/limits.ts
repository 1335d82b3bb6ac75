import { ApolloArmor } from '@escape.tech/graphql-armor';
import type { ApolloServerPlugin, BaseContext } from '@apollo/server';
import {
  GraphQLObjectType,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type ValidationRule,
} from 'graphql';
import { DEFAULT_PAGE_SIZE } from '../resolvers/page.js';
import { HISTORY_WINDOWS, windowsBetween } from '../resolvers/stats.js';
import { costOf, refuseCostly, type PageSize } from './cost.js';
import type { ServerLimits } from './options.js';

/**
 * What a document may ask for, checked before anything is read. Two defaults of the library fail (shared facts): its
 * token limit turns syntax errors into 500, so the parser counts; its alias limit lets `__typename` through.
 */
export function documentRules(limits: ServerLimits): ValidationRule[] {
  const armor = new ApolloArmor({
    maxDepth: { n: limits.depth, ignoreIntrospection: true },
    maxAliases: { n: limits.aliases, allowList: [] },
    maxDirectives: { n: limits.directives },
    // Blind to variables: see cost.ts.
    costLimit: { enabled: false },
    maxTokens: { enabled: false },
    // Introspection is on: hiding names in suggestions would only hide typos.
    blockFieldSuggestion: { enabled: false },
  });
  return armor.protect().validationRules;
}

type Variables = Readonly<Record<string, unknown>>;

/** Counts the values that an operation can bring back. */
export function valuesOf(
  schema: GraphQLSchema,
): (document: DocumentNode, operation: OperationDefinitionNode, variables: Variables) => number {
  const pages = pagesOf(schema);
  return (document, operation, variables) => costOf(document, operation, variables, pages);
}

/** Counts what an operation asks for, with its variables, before anything is read. */
export function costPlugin<C extends BaseContext>(schema: GraphQLSchema, limit: number): ApolloServerPlugin<C> {
  const count = valuesOf(schema);
  return {
    requestDidStart: async () => ({
      didResolveOperation: async ({ document, operation, request }) => {
        if (operation === undefined || operation === null) return;
        refuseCostly(count(document, operation, request.variables ?? {}), limit);
      },
    }),
  };
}

/** The fields that take a page size, and those that bring back many without one. */
export const pagesOf = (schema: GraphQLSchema): ReadonlyMap<string, PageSize> =>
  new Map<string, PageSize>([
    ['windowHistory', historySize],
    ...Object.values(schema.getTypeMap())
      .filter((type) => type instanceof GraphQLObjectType)
      .flatMap((type) => Object.values(type.getFields()))
      .filter((field) => field.args.some((argument) => argument.name === 'first'))
      .map((field) => [field.name, DEFAULT_PAGE_SIZE] as const),
  ]);

/** By the range that is asked for; one that is none, or too long, is refused when it is read. */
function historySize({ from, to }: Readonly<Record<string, unknown>>): number {
  const windows = typeof from === 'string' && typeof to === 'string' ? windowsBetween(from, to) : NaN;
  return windows <= HISTORY_WINDOWS ? windows : HISTORY_WINDOWS;
}
