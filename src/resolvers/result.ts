import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, ID, Info, Query, Resolver } from 'type-graphql';
import { DEFAULT_ENGINE, ProcessingEngineEnum } from '../schema/enums.js';
import { GenericResult, isAbsent, presentGeneric } from '../schema/result-kind.js';
import type { ProcessingEngine } from '../words.js';
import { errandAt, orNull, type RequestContext } from './context.js';

@Resolver()
export class ResultResolver {
  @Query(() => GenericResult, { nullable: true, description: 'A result of any kind by its key, also a deleted one.' })
  async result(
    @Arg('kind', () => String) kind: string,
    @Arg('businessKey', () => ID) businessKey: string,
    @Arg('engine', () => ProcessingEngineEnum, { nullable: true, description: DEFAULT_ENGINE })
    engine: ProcessingEngine | undefined,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<GenericResult | null> {
    const path = String(info.path.key);
    const key = { kind, businessKey, engine: await context.reader.engine(engine) };
    const served = await orNull(context.reader.row(key, errandAt(context, path)));
    if (served === null) return null;
    const { row, contract } = served;
    context.ledger.add(path, contract);
    return row === null || isAbsent(row) ? null : presentGeneric(row, contract);
  }
}
