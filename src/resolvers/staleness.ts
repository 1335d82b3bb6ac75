import { Arg, Ctx, ID, Int, Query, Resolver } from 'type-graphql';
import { reasonOf } from '../contract/reason.js';
import { AppError } from '../errors.js';
import { idOf, readId, standingOf, type EventId, type EventPlace, type Standing } from '../position/event-id.js';
import { microsToIso, position, type Position } from '../position/position.js';
import { StalenessEventConnection, type StalenessEventType } from '../schema/ledger-types.js';
import type { EventFilter, EventQuery, StalenessEvent } from '../stores/port.js';
import { StoreEnum } from '../schema/enums.js';
import type { Store } from '../words.js';
import { bounded, type RequestContext } from './context.js';
import { badCursor, type Place } from './cursor.js';
import { cutPage, planPage } from './page.js';

@Resolver()
export class StalenessResolver {
  @Query(() => StalenessEventConnection, {
    nullable: true,
    description:
      'What happened to how far results can be trusted, oldest first; `last` gives the newest. Of results, pipelines and stores. The same, as they happen: the subscription of this name.',
  })
  async stalenessEvents(
    @Arg('after', () => ID, { nullable: true, description: 'Only what follows the event of this id.' })
    after: string | undefined,
    @Arg('first', () => Int, { nullable: true, description: 'The first so many, at most 500. Default 50.' })
    first: number | undefined,
    @Arg('before', () => ID, { nullable: true, description: 'Only what precedes the event of this id.' })
    before: string | undefined,
    @Arg('last', () => Int, { nullable: true, description: 'The last so many, at most 500.' })
    last: number | undefined,
    @Arg('store', () => StoreEnum, { nullable: true, description: 'Only of this store.' })
    store: Store | undefined,
    @Arg('kind', () => String, { nullable: true, description: 'Only of results of this kind.' })
    kind: string | undefined,
    @Arg('businessKey', () => ID, { nullable: true, description: 'Only of results with this key.' })
    businessKey: string | undefined,
    @Arg('symbol', () => String, { nullable: true, description: 'Only of results of this symbol.' })
    symbol: string | undefined,
    @Ctx() { services }: RequestContext,
  ): Promise<object> {
    const page = planPage(decode, { first, after, last, before }, services.maxPageSize);
    const query: EventQuery = {
      descending: page.backward,
      limit: page.size + 1,
      ...(page.start === null ? {} : { after: eventPlace(page.start) }),
      ...filterOf({ store, kind, businessKey, symbol }),
    };
    const found = await bounded(services, services.events.events(query));
    const { events } = found;
    const from = page.backward ? before : after;
    if (typeof from === 'string') refuseGap(standingOf(idIn(from), found), page.backward);
    refuseBeyond([after, before], found.clock);
    const { rows, hasNextPage, hasPreviousPage } = cutPage(page, events, placeOf);
    const edges = rows.map((event) => ({ node: present(event), cursor: idOf(event) }));
    const pageInfo = {
      hasNextPage,
      hasPreviousPage,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    };
    return { edges, pageInfo };
  }
}

/** What a client names, without what it leaves out or gives as null. */
export const filterOf = (given: {
  readonly [K in keyof EventFilter]?: EventFilter[K] | null | undefined;
}): EventFilter =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== null));

/**
 * Going on forwards must skip nothing; backwards, what was pruned is the end.
 * @throws AppError EVENTS_EXPIRED, EVENT_UNKNOWN
 */
function refuseGap(standing: Standing, backward: boolean): void {
  if (standing === 'UNKNOWN') throw unknown();
  if (standing === 'EXPIRED' && !backward) throw expired();
}

function refuseBeyond(ids: readonly (string | null | undefined)[], clock: Position): void {
  if (ids.some((id) => typeof id === 'string' && idIn(id).position > clock)) throw unknown();
}

const unknown = (): AppError =>
  new AppError(
    'EVENT_UNKNOWN',
    'There is no event of this id: Postgres was restored meanwhile. Read the state anew, then go on from the newest event.',
    { retryable: false, outcome: 'none' },
  );

const expired = (): AppError =>
  new AppError(
    'EVENTS_EXPIRED',
    'Events after this id have been pruned, so going on from it would skip some: read the state anew, then go on from the newest event.',
    { retryable: false, outcome: 'none' },
  );

/** Texts that sort like the numbers in them. */
const placeOf = ({ position: at, ordinal }: EventPlace): Place => ({
  order: String(at).padStart(19, '0'),
  businessKey: String(ordinal).padStart(10, '0'),
});

const eventPlace = ({ order, businessKey }: Place): EventPlace => ({
  position: position(order),
  ordinal: Number(businessKey),
});

/** @throws AppError BAD_CURSOR */
export function idIn(text: string): EventId {
  const id = readId(text);
  if (id === null) throw badCursor();
  return id;
}

const decode = (text: string): Place => placeOf(idIn(text));

export const present = (event: StalenessEvent): StalenessEventType => ({
  ...event,
  id: idOf(event),
  at: microsToIso(event.at),
  reasons: event.reasons.map(reasonOf),
});
