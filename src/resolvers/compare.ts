import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, ID, Info, Query, Resolver } from 'type-graphql';
import { ContractLeaf } from '../contract/field.js';
import { responseKeys } from '../contract/response-keys.js';
import { asError } from '../errors.js';
import type { ResultKey } from '../position/commit-log.js';
import { ProcessingEngineEnum } from '../schema/enums.js';
import { isAbsent } from '../schema/result-kind.js';
import { StoreAnswer } from '../schema/system-types.js';
import type { ProcessingEngine, Store } from '../words.js';
import type { ServedRow } from '../contract/reader.js';
import type { RequestContext } from './context.js';

@Resolver()
export class CompareResolver {
  /** Every store is asked itself; none stands in for another. */
  @Query(() => [StoreAnswer], { description: 'One result as every store holds it.' })
  async compareStores(
    @Arg('kind', () => String) kind: string,
    @Arg('businessKey', () => ID) businessKey: string,
    @Arg('engine', () => ProcessingEngineEnum, { nullable: true }) engine: ProcessingEngine | undefined,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<StoreAnswer[]> {
    const { reader } = context;
    const key = { kind, businessKey, engine: await reader.engine(engine) };
    const answers = await Promise.all(reader.stores.map((store) => ask(context, store, key)));
    const path = String(info.path.key);
    answers.forEach((answer, i) => {
      if (answer instanceof Error) return;
      for (const [value] of responseKeys(info, ['value'])) context.ledger.add(`${path}.${i}.${value}`, answer.contract);
    });
    return answers.map((answer, i) => toAnswer(reader.stores[i] ?? 'POSTGRES', answer));
  }
}

const ask = (context: RequestContext, store: Store, key: ResultKey): Promise<ServedRow | Error> =>
  context.reader.rowFrom(store, key).catch(asError);

function toAnswer(store: Store, answer: ServedRow | Error): StoreAnswer {
  // An Error as the value of a nullable field becomes an error of that field; the other stores' answers stand.
  if (answer instanceof Error) return { store, available: false, present: false, deleted: false, value: answer };
  const present = answer.row !== null && !isAbsent(answer.row);
  return {
    store,
    available: true,
    present,
    deleted: answer.row?.deleted === true,
    value: present ? new ContractLeaf(answer.row.calculatedValue, answer.contract) : null,
  };
}
