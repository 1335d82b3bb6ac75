import { Arg, Ctx, ID, Int, Query, Resolver } from 'type-graphql';
import { reasonOf } from '../contract/reason.js';
import { AppError } from '../errors.js';
import { microsToIso, position, type Position } from '../position/position.js';
import { StalenessEventConnection, type StalenessEventType } from '../schema/ledger-types.js';
import type { EventPlace, EventQuery, StalenessEvent } from '../stores/port.js';
import { bounded, type RequestContext } from './context.js';
import { badCursor, type Place } from './cursor.js';
import { cutPage, planPage } from './page.js';

@Resolver()
export class StalenessResolver {
  @Query(() => StalenessEventConnection, {
    nullable: true,
    description:
      'What happened to how far results can be trusted, oldest first; `last` gives the newest. Of what ingest knows: runs, late updates, violations, and caps that fell or rose. Events of stores and checkpoints come with a later version.',
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
      ...(typeof kind === 'string' ? { kind } : {}),
      ...(typeof businessKey === 'string' ? { businessKey } : {}),
      ...(typeof symbol === 'string' ? { symbol } : {}),
    };
    const { events, prunedTo, clock } = await bounded(services, services.events.events(query));
    refuseUnknown([after, before], clock);
    if (typeof after === 'string' && eventPlace(decode(after)).position < prunedTo) throw expired();
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

/** Positions begin anew in another history of Postgres: what was heard of there did not happen here. */
function refuseUnknown(ids: readonly (string | null | undefined)[], clock: Position): void {
  if (ids.every((id) => typeof id !== 'string' || eventPlace(decode(id)).position <= clock)) return;
  throw new AppError(
    'EVENT_UNKNOWN',
    'There is no event of this id: Postgres was restored meanwhile. Read the state anew, then go on from the newest event.',
    { retryable: false, outcome: 'none' },
  );
}

const expired = (): AppError =>
  new AppError(
    'EVENTS_EXPIRED',
    'Events after this id have been pruned, so going on from it would skip some: read the state anew, then go on from the newest event.',
    { retryable: false, outcome: 'none' },
  );

export const idOf = ({ position: at, ordinal }: EventPlace): string => `${at}-${ordinal}`;

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
function decode(id: string): Place {
  const [, at, ordinal] = /^(\d{1,18})-(\d{1,9})$/.exec(id) ?? [];
  if (at === undefined || ordinal === undefined) throw badCursor();
  return placeOf({ position: position(at), ordinal: Number(ordinal) });
}

const present = (event: StalenessEvent): StalenessEventType => ({
  ...event,
  id: idOf(event),
  at: microsToIso(event.at),
  store: null,
  reasons: event.reasons.map(reasonOf),
});
