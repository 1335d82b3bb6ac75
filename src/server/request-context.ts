import { asError } from '../errors.js';
import { Ledger } from '../contract/ledger.js';
import { createAdmission } from '../contract/admission.js';
import { ChangeFeed } from '../contract/changes.js';
import { NO_PLAN } from '../contract/consistency.js';
import { within } from '../contract/limit.js';
import type { Observed, Path } from '../contract/observed.js';
import { RequestReader, type ReaderDeps } from '../contract/reader.js';
import { AppliedWatch } from '../contract/watch.js';
import { CHANGES_CHANNEL, EVENTS_CHANNEL } from '../position/channels.js';
import type { Services } from '../resolvers/context.js';
import { KINDS } from '../schema/kinds/index.js';
import { kindOf } from '../schema/result-kind.js';
import type { GraphQLContext } from './apollo.js';
import { EventFeed } from '../staleness/feed.js';
import type { Applied, ResultReader } from '../stores/port.js';
import type { Store } from '../words.js';
import type { Metrics } from './metrics.js';
import type { AppDeps } from './options.js';
import { Outbox } from './outbox.js';

/** The read models' progress is asked for at most so often; in between, the last answer stands: older is safe. */
const FRESH_MS = 250;
const FRESHEN_LIMIT_MS = 200;
/** Requests that wait for one store at a time. */
const MOST_WAITING = 1_000;

export interface Contexts {
  readonly services: Services;
  /** @param tooSlow of a subscription: cuts its connection */
  readonly create: (tooSlow?: () => void) => GraphQLContext & { readonly outbox: Outbox };
}

/** Makes the context of each request. */
export function requestContexts(deps: AppDeps, observed: Observed, metrics: Metrics): Contexts {
  const { config, monotonicMs } = deps;
  const { limits } = config;
  const warn = (error: unknown, message: string): void => deps.logger.warn({ err: error }, message);
  const clock = { now: () => deps.proofs.now(), monotonicMs };
  const storeStatuses = async (): ReturnType<AppDeps['storeStatuses']> => {
    const statuses = await deps.storeStatuses();
    for (const { store, appliedCommittedAt } of statuses)
      if (appliedCommittedAt !== null) observed.sawApplied(store, appliedCommittedAt);
    return statuses;
  };
  const services: Services = {
    proofs: deps.proofs,
    observed,
    clock,
    bounds: config.bounds,
    maxPageSize: config.limits.pageSize,
    storeStatuses,
    pipelineFigures: deps.pipelineFigures,
    liveness: deps.liveness,
    accepted: deps.accepted,
    kinds: (deps.kinds ?? KINDS).map(kindOf),
    deadLetters: deps.deadLetters,
    desk: deps.desk,
    events: deps.events,
    history: deps.history,
    audit: deps.audit,
    reprocessing: deps.reprocessing,
    faults: deps.faults ?? null,
    feed: new EventFeed({
      log: deps.events,
      listen: (told) => deps.listen(EVENTS_CHANNEL, told),
      buffer: limits.subscriptions.buffer,
      slowMs: limits.subscriptions.slowMs,
      monotonicMs,
      warn,
    }),
    changes: new ChangeFeed({
      prove: () => deps.proofs.prove(),
      listen: (told) => deps.listen(CHANGES_CHANNEL, told),
      warn,
    }),
    locateEvents: deps.locateEvents,
    requestMs: config.limits.requestMs,
    readMs: config.limits.readMs,
    decisionTable: deps.decisionTable,
    version: deps.version,
  };
  const readerDeps: ReaderDeps = {
    readers: deps.readers,
    search: deps.search,
    stats: deps.stats,
    proofs: deps.proofs,
    observed,
    bounds: config.bounds,
    limits: config.limits,
    clock,
    freshenSyncs: freshener(storeStatuses, monotonicMs),
    admission: createAdmission({ concurrent: limits.postgresReads, queued: limits.postgresQueue }, metrics.admission),
    watch: new AppliedWatch({
      look: lookAt(deps.readers, limits.readMs),
      everyMs: limits.watchEveryMs,
      most: MOST_WAITING,
      warn,
    }),
    warn,
  };
  const create: Contexts['create'] = (tooSlow = () => undefined) => ({
    services,
    reader: new RequestReader(readerDeps),
    ledger: new Ledger(),
    plan: NO_PLAN,
    outbox: new Outbox(),
    tooSlow,
  });
  return { services, create };
}

/** How far a store is: by a read of nothing, or, of what a search finds, by a search for one result. */
function lookAt(readers: ReadonlyMap<Store, ResultReader>, readMs: number) {
  const nobody = { kind: 'order', businessKey: '-', engine: 'KAFKA_ONLY' } as const;
  const listing = { ...nobody, equals: {}, orderBy: 'event_time', descending: true, limit: 1 };
  return async (store: Store, path: Path): Promise<Applied | null> => {
    const reader = readers.get(store);
    if (reader === undefined) return null;
    const answer = path === 'SEARCH' ? reader.list(listing) : reader.readMany([nobody]);
    return (await within<{ applied: Applied | null }>(answer, readMs, () => new Error('no answer in time'))).applied;
  };
}

/** One look at the stores at a time, shared; a store that is slow or down costs a reader of Postgres a bounded wait once. */
function freshener(look: () => Promise<unknown>, monotonicMs: () => number): () => Promise<void> {
  let lookedAt = -Infinity;
  let looking: Promise<void> = Promise.resolve();
  return () => {
    if (monotonicMs() - lookedAt >= FRESH_MS) {
      lookedAt = monotonicMs();
      looking = within(look(), FRESHEN_LIMIT_MS, () => new Error('no status in time')).then(
        () => undefined,
        // What is known already stands, and only gets older; the stores' own health says why.
        (error: unknown) => void asError(error),
      );
    }
    return looking;
  };
}
