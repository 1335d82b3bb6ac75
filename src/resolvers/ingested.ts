/** Waiting until events are counted and stored: on proofs, so that what is answered is proven (contract.md §8). */
import { Arg, Ctx, ID, Int, Query, Resolver } from 'type-graphql';
import type { PipelineFact, Proof } from '../contract/proof-port.js';
import { within } from '../contract/limit.js';
import { AppError } from '../errors.js';
import { encodeToken } from '../position/token.js';
import { IngestReceipt } from '../schema/ledger-types.js';
import type { LocatedEvent, RequestContext, Services } from './context.js';

const MOST_IDS = 500;
const DEFAULT_MS = 5_000;
/** What a request must have left to answer in. */
const SPARE_MS = 300;
/** Between two looks. Heartbeats come more seldom. */
const LOOK_MS = 100;

@Resolver()
export class IngestedResolver {
  @Query(() => IngestReceipt, {
    nullable: true,
    description:
      'Waits until every pipeline has counted these source events and what came of them is accepted in Postgres.',
  })
  async awaitIngested(
    @Arg('eventIds', () => [ID], { description: '`event_id` of source events, at most 500.' }) eventIds: string[],
    @Arg('timeoutMs', () => Int, {
      nullable: true,
      description: 'How long to wait, milliseconds; default 5000. Bounded by the time that a request may take.',
    })
    timeoutMs: number | undefined,
    @Ctx() { services }: RequestContext,
  ): Promise<IngestReceipt> {
    const ids = [...new Set(eventIds)];
    if (ids.length > MOST_IDS || ids.some((id) => id === '' || id.length > 200)) throw badIds();
    const most = Math.max(0, services.requestMs - SPARE_MS);
    return waitFor(services, ids, Math.min(Math.max(0, timeoutMs ?? DEFAULT_MS), most));
  }
}

async function waitFor(services: Services, ids: readonly string[], timeoutMs: number): Promise<IngestReceipt> {
  const end = services.clock.monotonicMs() + timeoutMs;
  const left = (): number => end - services.clock.monotonicMs();
  const located = new Map<string, LocatedEvent[]>();
  for (;;) {
    await locate(
      services,
      located,
      ids.filter((id) => !located.has(id)),
    );
    const accepted = services.accepted();
    // The proof is sent after all this was known, and at least one is asked for whatever the limit.
    const proof = await services.proofs.prove().catch((error: unknown) => {
      if (left() <= LOOK_MS) throw error;
      return null;
    });
    if (proof !== null) {
      services.observed.sawProof(proof);
      const missing = ids.filter((id) => !counted(proof, located.get(id), accepted));
      if (missing.length === 0 || left() <= LOOK_MS) return receipt(proof, missing);
    }
    await new Promise((done) => setTimeout(done, LOOK_MS));
  }
}

/** The raw log fills beside the pipelines; while it can't be asked nothing more is found. */
async function locate(services: Services, located: Map<string, LocatedEvent[]>, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const found = await within(services.locateEvents(ids), services.readMs, () => new Error('not in time')).catch(
    () => [],
  );
  for (const event of found) located.set(event.eventId, [...(located.get(event.eventId) ?? []), event]);
}

/**
 * Has every pipeline counted the event, in every result partition? A heartbeat follows all that it speaks of in its own
 * partition only; of an engine whose heartbeats don't say it, `accepted` does (src/monitor/accepted.ts). An event that was
 * written several times is folded where it comes first.
 */
export function counted(
  { pipelines }: Pick<Proof, 'pipelines'>,
  places: readonly LocatedEvent[] | undefined,
  accepted: ReadonlyMap<number, bigint> = new Map(),
): boolean {
  if (places === undefined || pipelines.length === 0) return false;
  const first = new Map<number, bigint>();
  for (const { partition, offset } of places) {
    const known = first.get(partition);
    if (known === undefined || offset < known) first.set(partition, offset);
  }
  // Of several FLINK pipelines nobody knows whose source was looked at.
  const flink = new Set(pipelines.flatMap(({ engine, pipeline }) => (engine === 'FLINK' ? [pipeline] : [])));
  const seen = flink.size === 1 ? accepted : new Map<number, bigint>();
  return [...first].every(([partition, offset]) =>
    pipelines.every(
      (fact) => told(fact, partition) > offset || (flink.has(fact.pipeline) && (seen.get(partition) ?? 0n) > offset),
    ),
  );
}

/** The next source offset that the pipeline will count, as this result partition was told; 0: it does not say. */
const told = ({ sources, checkpoints }: PipelineFact, partition: number): bigint =>
  BigInt((checkpoints === null ? sources[partition] : checkpoints.progress[partition]) ?? 0);

const receipt = ({ incarnation, position }: Proof, missing: readonly string[]): IngestReceipt => ({
  token: encodeToken({ incarnation, position }),
  position,
  missing,
});

const badIds = (): AppError =>
  new AppError('BAD_EVENT_IDS', `Give at most ${MOST_IDS} ids, none empty or longer than 200 characters.`, {
    retryable: false,
    outcome: 'none',
  });
