/** What is told as it happens. The transports (server/sockets.ts, server/streams.ts) execute the selection for each event. */
import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, ID, Info, Resolver, Root, Subscription } from 'type-graphql';
import { reflecting } from '../contract/changes.js';
import type { Token } from '../position/token.js';
import { DEFAULT_ENGINE, ProcessingEngineEnum, StoreEnum } from '../schema/enums.js';
import { StalenessEventType } from '../schema/ledger-types.js';
import { GenericResult, isAbsent, presentGeneric } from '../schema/result-kind.js';
import type { StalenessEvent } from '../stores/port.js';
import type { ProcessingEngine, Store } from '../words.js';
import { errandAt, orNull, type RequestContext } from './context.js';
import { filterOf, idIn, present } from './staleness.js';

interface EventArguments {
  readonly after?: string | null;
  readonly store?: Store | null;
  readonly kind?: string | null;
  readonly businessKey?: string | null;
  readonly symbol?: string | null;
}

interface ResultArguments {
  readonly kind: string;
  readonly businessKey: string;
  readonly engine?: ProcessingEngine | null;
}

/** What the transports hand to the resolver, once per change. */
interface Change {
  readonly engine: ProcessingEngine;
  readonly token: Token;
}

@Resolver()
export class SubscriptionResolver {
  @Subscription(() => StalenessEventType, {
    description:
      'Each thing that happens to how far results, pipelines and stores can be trusted: once, in order. With `after` it goes on behind that event, without loss or repeat; where that is not possible (retention, Postgres restored) an event GAP says so first.',
    subscribe: ({ args, context }) => followEvents(args as EventArguments, context as RequestContext),
  })
  stalenessEvents(
    @Root() event: StalenessEvent,
    @Arg('after', () => ID, {
      nullable: true,
      description: 'What follows the event of this id. Left out: what happens from now on.',
    })
    _after: string | undefined,
    @Arg('store', () => StoreEnum, { nullable: true, description: 'Only of this store.' })
    _store: Store | undefined,
    @Arg('kind', () => String, { nullable: true, description: 'Only of results of this kind.' })
    _kind: string | undefined,
    @Arg('businessKey', () => ID, { nullable: true, description: 'Only of results with this key.' })
    _businessKey: string | undefined,
    @Arg('symbol', () => String, { nullable: true, description: 'Only of results of this symbol.' })
    _symbol: string | undefined,
  ): StalenessEventType {
    return present(event);
  }

  @Subscription(() => GenericResult, {
    nullable: true,
    description:
      'The result as it is now, then each time it has changed; of changes in quick succession the newest. What is told reflects the change, whichever store it comes from. null: there is no such result.',
    subscribe: ({ args, context }) => followResult(args as ResultArguments, context as RequestContext),
  })
  async resultChanged(
    @Root() change: Change,
    @Arg('kind', () => String) kind: string,
    @Arg('businessKey', () => ID) businessKey: string,
    @Arg('engine', () => ProcessingEngineEnum, { nullable: true, description: DEFAULT_ENGINE })
    _engine: ProcessingEngine | undefined,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<GenericResult | null> {
    const path = String(info.path.key);
    const key = { kind, businessKey, engine: change.engine };
    const served = await orNull(context.reader.row(key, reflecting(errandAt(context, path), change.token)));
    if (served === null) return null;
    const { row, contract } = served;
    context.ledger.add(path, contract);
    return row === null || isAbsent(row) ? null : presentGeneric(row, contract);
  }
}

const followEvents = (
  args: EventArguments,
  { services, tooSlow }: RequestContext,
): Promise<AsyncIterable<StalenessEvent>> => {
  const { after, ...filter } = args;
  return services.feed.follow({
    after: typeof after === 'string' ? idIn(after) : null,
    filter: filterOf(filter),
    tooSlow,
  });
};

async function followResult(
  { kind, businessKey, engine: asked }: ResultArguments,
  { services, reader }: RequestContext,
): Promise<AsyncIterable<Change>> {
  const engine = await reader.engine(asked);
  const tokens = await services.changes.follow({ kind, businessKey, engine });
  return {
    [Symbol.asyncIterator]: () => ({
      async next() {
        const { done, value } = await tokens.next();
        return done === true ? { done, value: undefined } : { done: false, value: { engine, token: value } };
      },
      async return() {
        await tokens.return?.();
        return { done: true, value: undefined };
      },
    }),
  };
}
