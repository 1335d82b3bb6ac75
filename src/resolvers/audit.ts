import { Arg, Ctx, ID, Int, Mutation, Query, Resolver } from 'type-graphql';
import { differing } from '../contract/engines.js';
import { reasonOf } from '../contract/reason.js';
import { AppError } from '../errors.js';
import { Refusal, RefusalConnection, ReprocessingConnection, ReprocessingRequest } from '../schema/audit-types.js';
import { ProcessingEngineEnum } from '../schema/enums.js';
import {
  REPROCESSING_STATES,
  type EmittedResult,
  type ReprocessingState,
  type StoredRefusal,
  type StoredRequest,
} from '../stores/audit-port.js';
import type { ProcessingEngine } from '../words.js';
import { bounded, type RequestContext } from './context.js';
import { pageById } from './ledger-page.js';

const FIRST = { nullable: true, description: 'The first so many, at most 500. Default 50.' };
const AFTER = { nullable: true, description: 'Only what follows this cursor.' };
const KIND = { nullable: true, description: 'Only of results of this kind.' };
const KEY = { nullable: true, description: 'Only of results with this key.' };
const ENGINE = { nullable: true, description: 'Only of results of this engine.' };

type Maybe<T> = T | null | undefined;

/** What a listing is narrowed to; null is as good as nothing. */
const narrowed = (kind: Maybe<string>, businessKey: Maybe<string>, engine: Maybe<ProcessingEngine>) => ({
  ...(typeof kind === 'string' ? { kind } : {}),
  ...(typeof businessKey === 'string' ? { businessKey } : {}),
  ...(typeof engine === 'string' ? { engine } : {}),
});

@Resolver()
export class AuditResolver {
  @Query(() => RefusalConnection, {
    nullable: true,
    description:
      'Records that were not taken in because they contradict what is stored, newest first: with both values. Kept for `RETENTION_DAYS`.',
  })
  async refusals(
    @Arg('kind', () => String, KIND) kind: Maybe<string>,
    @Arg('businessKey', () => ID, KEY) businessKey: Maybe<string>,
    @Arg('engine', () => ProcessingEngineEnum, ENGINE) engine: Maybe<ProcessingEngine>,
    @Arg('first', () => Int, FIRST) first: Maybe<number>,
    @Arg('after', () => String, AFTER) after: Maybe<string>,
    @Ctx() { services }: RequestContext,
  ): Promise<object> {
    const query = narrowed(kind, businessKey, engine);
    return pageById(
      services,
      { first, after },
      (page) => services.audit.refusals({ ...query, ...page }),
      presentRefusal,
    );
  }

  @Query(() => ReprocessingConnection, {
    nullable: true,
    description: 'Results that are, were, or could not be recomputed from the source, newest request first.',
  })
  async reprocessing(
    @Arg('state', () => String, { nullable: true, description: 'Only OPEN, DONE or FAILED ones.' })
    state: Maybe<string>,
    @Arg('kind', () => String, KIND) kind: Maybe<string>,
    @Arg('businessKey', () => ID, KEY) businessKey: Maybe<string>,
    @Arg('engine', () => ProcessingEngineEnum, ENGINE) engine: Maybe<ProcessingEngine>,
    @Arg('first', () => Int, FIRST) first: Maybe<number>,
    @Arg('after', () => String, AFTER) after: Maybe<string>,
    @Ctx() { services }: RequestContext,
  ): Promise<object> {
    const query = { ...narrowed(kind, businessKey, engine), ...stateOf(state) };
    return pageById(
      services,
      { first, after },
      (page) => services.audit.requests({ ...query, ...page }),
      presentRequest,
    );
  }

  @Mutation(() => ReprocessingRequest, {
    description:
      'Asks that a result be recomputed from the source, before those that nobody asked for. One that is open already is answered with: doing it twice does no more.',
  })
  async requestReprocessing(
    @Arg('kind', () => String) kind: string,
    @Arg('businessKey', () => ID) businessKey: string,
    @Arg('engine', () => ProcessingEngineEnum) engine: ProcessingEngine,
    @Ctx() { services }: RequestContext,
  ): Promise<ReprocessingRequest> {
    const id = await bounded(services, services.reprocessing.request({ kind, businessKey, engine }));
    const [request] = await bounded(services, services.audit.requests({ ids: [id], limit: 1 }));
    if (request !== undefined) return presentRequest(request);
    // Between the two somebody finished it, and retention took it away: it is done all the same.
    throw new AppError('STORE_UNAVAILABLE', `The request ${id} can not be read just now. Try again.`, {
      retryable: true,
      outcome: 'none',
    });
  }
}

/** @throws AppError BAD_STATE */
function stateOf(given: Maybe<string>): { readonly state?: ReprocessingState } {
  if (typeof given !== 'string') return {};
  const state = REPROCESSING_STATES.find((known) => known === given);
  if (state !== undefined) return { state };
  throw new AppError('BAD_STATE', `There are the states ${REPROCESSING_STATES.join(', ')}.`, {
    retryable: false,
    outcome: 'none',
  });
}

const bigintOf = (value: number | null): bigint | null => (value === null ? null : BigInt(value));

const presentEmitted = (emitted: EmittedResult) => ({
  ...emitted,
  epoch: bigintOf(emitted.epoch),
  events: bigintOf(emitted.events),
});

function presentRefusal({ stored, refused, ...refusal }: StoredRefusal): Refusal {
  const values = [stored?.value ?? null, refused.value] as const;
  return {
    ...refusal,
    id: String(refusal.id),
    reason: reasonOf(refusal.reason),
    stored: stored === null ? null : presentEmitted(stored),
    refused: presentEmitted(refused),
    differs: values[0] === null || values[1] === null ? null : differing(values[0], values[1]),
  };
}

export const presentRequest = (request: StoredRequest): ReprocessingRequest => ({
  ...request,
  id: String(request.id),
  reason: reasonOf(request.reason),
});
