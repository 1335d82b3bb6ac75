/**
 * Operations that don't come as one HTTP request: over WebSockets and event streams. Queries and mutations take Apollo Server's way,
 * as over HTTP; a subscription is held to the same limits, and each of its events is executed as a request of its own, with its own
 * proof and contracts.
 */
import { createHash } from 'node:crypto';
import type { ApolloServer } from '@apollo/server';
import {
  createSourceEventStream,
  getOperationAST,
  GraphQLError,
  OperationTypeNode,
  parse,
  specifiedRules,
  validate,
  type DocumentNode,
  type FormattedExecutionResult,
  type GraphQLFormattedError,
  type GraphQLSchema,
} from 'graphql';
import { planConsistency } from '../contract/consistency.js';
import { within } from '../contract/limit.js';
import { withConsistency } from '../contract/plugin.js';
import type { Api } from '../resolvers/index.js';
import { AppError } from '../errors.js';
import { mostWaitMs, type GraphQLContext } from './apollo.js';
import { costOf, refuseCostly } from './cost.js';
import type { Runner } from './executor.js';
import { documentRules } from './limits.js';
import type { Metrics } from './metrics.js';
import type { ServerLimits } from './options.js';
import type { Contexts } from './request-context.js';

export interface OperationDeps {
  readonly api: Api;
  readonly run: Runner;
  readonly apollo: ApolloServer<GraphQLContext>;
  readonly contexts: Contexts;
  readonly limits: ServerLimits;
  readonly metrics: Metrics;
  readonly format: (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError;
}

export interface Asked {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Record<string, unknown> | null | undefined;
}

/** One answer, as it goes out: its text must be made in the turn in which it is sent. */
export type Told = FormattedExecutionResult;
export type Stream = AsyncIterableIterator<Told, undefined>;

export interface Operations {
  readonly schema: GraphQLSchema;
  /** What kind it is; errors: it can't be executed. */
  read(asked: Asked): { readonly document: DocumentNode; readonly type: OperationTypeNode } | readonly GraphQLError[];
  /** @param tooSlow cuts the connection of a subscriber that does not keep up */
  execute(asked: Asked, document: DocumentNode, tooSlow: () => void): Promise<Told | Stream>;
  format(error: unknown): GraphQLFormattedError;
}

export function createOperations(deps: OperationDeps): Operations {
  const { api, limits, apollo, contexts } = deps;
  const rules = [...specifiedRules, ...documentRules(limits)];
  const format = (error: unknown): GraphQLFormattedError => {
    if (error instanceof GraphQLError) return deps.format(error.toJSON(), error.originalError ?? error);
    const unknown = { message: 'failed', extensions: { code: 'INTERNAL_SERVER_ERROR' } };
    return deps.format(unknown, error);
  };

  async function once(asked: Asked): Promise<Told> {
    const contextValue = contexts.create();
    const request = {
      query: asked.query,
      ...(asked.operationName == null ? {} : { operationName: asked.operationName }),
      ...(asked.variables == null ? {} : { variables: asked.variables }),
    };
    const tooLate = (): AppError =>
      new AppError('REQUEST_TIMEOUT', `The request was not answered within ${limits.requestMs} ms.`, {
        retryable: true,
        outcome: 'unknown',
      });
    try {
      const { body } = await within(apollo.executeOperation(request, { contextValue }), limits.requestMs, tooLate);
      if (body.kind === 'single') return body.singleResult;
      throw new GraphQLError('Answers are sent in one piece: leave @defer and @stream out.', {
        extensions: { code: 'INCREMENTAL_UNSUPPORTED' },
      });
    } catch (error) {
      return { errors: [format(error)] };
    }
  }

  async function follow(asked: Asked, document: DocumentNode, tooSlow: () => void): Promise<Told | Stream> {
    const { schema, readable } = api;
    const operationName = asked.operationName ?? null;
    const operation = getOperationAST(document, operationName);
    if (operation === null || operation === undefined)
      throw new Error('an operation that was found is not there any more');
    const variables = asked.variables ?? {};
    try {
      // Of each event; no subscription gives a page.
      refuseCostly(costOf(document, operation, variables, new Map()), limits.cost);
      const input = { schema, document, operation, variables, header: undefined };
      const plan = planConsistency(input, readable, mostWaitMs(limits));
      const contextValue = { ...contexts.create(tooSlow), plan };
      const source = await createSourceEventStream({
        schema,
        document,
        contextValue,
        variableValues: variables,
        operationName,
      });
      if (!(Symbol.asyncIterator in source)) return { errors: (source.errors ?? []).map(format) };
      const hash = createHash('sha256').update(asked.query).digest('hex');
      const tell = async (root: unknown): Promise<Told> => {
        const context = { ...contexts.create(), plan };
        const ran = await deps.run({ source: asked.query, document, hash, operationName, root, context, variables });
        const { errors, ...rest } = ran;
        const result = errors === undefined ? rest : { ...rest, errors: errors.map(format) };
        withConsistency(context, result, deps.metrics.served);
        return result;
      };
      return mapped(source, tell);
    } catch (error) {
      return { errors: [format(error)] };
    }
  }

  return {
    schema: api.schema,
    format,
    read(asked) {
      try {
        const document = parse(asked.query, { maxTokens: limits.tokens });
        const errors = validate(api.schema, document, rules);
        if (errors.length > 0) return errors.map((error) => withCode(error, 'GRAPHQL_VALIDATION_FAILED'));
        const operation = getOperationAST(document, asked.operationName);
        if (operation === null || operation === undefined)
          return [new GraphQLError('Name one operation of the document.', { extensions: { code: 'BAD_REQUEST' } })];
        return { document, type: operation.operation };
      } catch (error) {
        if (error instanceof GraphQLError) return [withCode(error, 'GRAPHQL_PARSE_FAILED')];
        throw error;
      }
    },
    execute: (asked, document, tooSlow) =>
      getOperationAST(document, asked.operationName)?.operation === OperationTypeNode.SUBSCRIPTION
        ? follow(asked, document, tooSlow)
        : once(asked),
  };
}

/** With the code that Apollo Server gives it over HTTP. */
const withCode = (error: GraphQLError, code: string): GraphQLError =>
  new GraphQLError(error.message, {
    nodes: error.nodes ?? null,
    source: error.source ?? null,
    positions: error.positions ?? null,
    extensions: { code, ...error.extensions },
  });

/** `return` must reach the source also while it waits for its next event, which a generator would not let through. */
function mapped(source: AsyncIterable<unknown>, tell: (event: unknown) => Promise<Told>): Stream {
  const events = source[Symbol.asyncIterator]();
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      const event = await events.next();
      return event.done === true ? { done: true, value: undefined } : { done: false, value: await tell(event.value) };
    },
    async return() {
      await events.return?.();
      return { done: true, value: undefined };
    },
  };
}
