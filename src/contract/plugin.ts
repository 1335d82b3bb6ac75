/** Wires the contract into Apollo Server: the demands before execution, `extensions.consistency` after it. Decides nothing. */
import type { ApolloServerPlugin, GraphQLRequestListener } from '@apollo/server';
import { OperationTypeNode } from 'graphql';
import { planConsistency, type ConsistencyPlan, type Readable } from './consistency.js';
import { CONSISTENCY_HEADER } from './demand.js';
import type { Ledger } from './ledger.js';
import type { SharedContract } from './field.js';
import type { RequestReader } from './reader.js';
import { Unmet } from './unmet.js';

export interface ContractContext {
  plan: ConsistencyPlan;
  readonly ledger: Ledger;
  readonly reader: Pick<RequestReader, 'incarnation' | 'afterWrite'>;
  /** What the route turns into text itself, as late as it can. */
  readonly outbox: { result: object | null };
}

/**
 * @param readable the root fields on which @consistency means something
 * @param mostWaitMs what a request has left for waiting
 * @param served told what went out, for the metrics
 */
export function contractPlugin<C extends ContractContext>(
  readable: Readable,
  mostWaitMs: number,
  served: (contract: SharedContract, count: number) => void,
): ApolloServerPlugin<C> {
  const listener: GraphQLRequestListener<C> = {
    async didResolveOperation({ contextValue, schema, document, operation, request }) {
      if (operation === undefined) return; // Apollo refuses the request right after.
      const header = request.http?.headers.get(CONSISTENCY_HEADER);
      const variables = request.variables ?? {};
      contextValue.plan = planConsistency({ schema, document, operation, variables, header }, readable, mostWaitMs);
    },
    async willSendResponse({ contextValue, operation, response }) {
      if (response.body.kind !== 'single') return;
      const { ledger, reader } = contextValue;
      const { singleResult } = response.body;
      if (
        operation?.operation === OperationTypeNode.MUTATION &&
        singleResult.data !== undefined &&
        singleResult.data !== null
      )
        ledger.wrote(await reader.afterWrite());
      withConsistency(contextValue, singleResult, served);
    },
  };
  return { requestDidStart: async () => listener };
}

interface Result {
  data?: Record<string, unknown> | null;
  errors?: readonly object[];
  extensions?: Record<string, unknown>;
}

/** Writes `extensions.consistency` into what is about to be sent, if it carries contracts. */
export function withConsistency(
  { ledger, reader, outbox }: ContractContext,
  result: Result,
  served: (contract: SharedContract, count: number) => void,
): void {
  withdraw(ledger, result);
  const consistency = ledger.extension(reader.incarnation);
  if (consistency === null) return;
  result.extensions = { ...result.extensions, consistency };
  outbox.result = result;
  for (const { contract, count } of ledger.served()) served(contract, count);
}

/** Too old by the time of sending, though not when it was read: what was promised holds for the client, not for the resolver. */
function withdraw(ledger: Ledger, result: Result): void {
  for (const { path, taken } of ledger.outgrown()) {
    const { onUnmet } = taken.requirement;
    if (onUnmet === 'FALLBACK' || result.data === null || result.data === undefined) continue;
    result.data[path] = null;
    ledger.withdraw(path);
    if (onUnmet === 'NULL') continue;
    const { code, message, details, retryable } = new Unmet(taken, 'ERROR');
    result.errors = [...(result.errors ?? []), { message, path: [path], extensions: { ...details, code, retryable } }];
  }
}
