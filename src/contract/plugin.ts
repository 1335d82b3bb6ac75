/** Wires the contract into Apollo Server: the demands before execution, `extensions.consistency` after it. Decides nothing. */
import type { ApolloServerPlugin, GraphQLRequestListener } from '@apollo/server';
import { planScopes, type Readable, type ScopePlan } from './consistency.js';
import type { Ledger } from './ledger.js';
import type { SharedContract } from './field.js';

export interface ContractContext {
  plan: ScopePlan;
  readonly ledger: Ledger;
  readonly reader: { readonly incarnation: string | null };
  /** What the route turns into text itself, as late as it can. */
  readonly outbox: { result: object | null };
}

/**
 * @param readable the root fields on which @consistency means something
 * @param served told what went out, for the metrics
 */
export function contractPlugin<C extends ContractContext>(
  readable: Readable,
  served: (contract: SharedContract, count: number) => void,
): ApolloServerPlugin<C> {
  const listener: GraphQLRequestListener<C> = {
    async didResolveOperation({ contextValue, document, operation, request }) {
      if (operation === undefined) return; // Apollo refuses the request right after.
      contextValue.plan = planScopes(document, operation, request.variables ?? {}, readable);
    },
    async willSendResponse({ contextValue, response }) {
      if (response.body.kind !== 'single') return;
      const { ledger, reader, outbox } = contextValue;
      const { singleResult } = response.body;
      const consistency = ledger.extension(reader.incarnation);
      if (consistency === null) return;
      singleResult.extensions = { ...singleResult.extensions, consistency };
      outbox.result = singleResult;
      for (const { contract, count } of ledger.served()) served(contract, count);
    },
  };
  return { requestDidStart: async () => listener };
}
