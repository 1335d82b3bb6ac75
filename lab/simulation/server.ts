/** One server: the real ingest, projections, proof and readers, put together as src/compose.ts does, over the ports of the simulation. */
import { createAdmission } from '../../src/contract/admission.js';
import { Observed, type Path } from '../../src/contract/observed.js';
import { createProofSource } from '../../src/contract/proof.js';
import type { ProofSource } from '../../src/contract/proof-port.js';
import { RequestReader, type ReaderDeps } from '../../src/contract/reader.js';
import { AppliedWatch, type WatchOptions } from '../../src/contract/watch.js';
import type { CrashPoint } from '../../src/ingest/commit.js';
import { startHeartbeat } from '../../src/ingest/heartbeat.js';
import { startPeriodic } from '../../src/ingest/periodic.js';
import { createIngest } from '../../src/ingest/run.js';
import { Highest } from '../../src/position/highest.js';
import { createProjection } from '../../src/projections/run.js';
import { createMemoryModel } from '../../src/stores/memory.js';
import { pruneBelow } from '../../src/stores/postgres/retention.js';
import type { Applied, ReadModel, ResultReader } from '../../src/stores/port.js';
import type { Store } from '../../src/words.js';
import * as wrong from './bugs.js';
import { Member } from './ports/consumer.js';
import {
  createMemoryClockRead,
  createMemoryIngestStore,
  createMemoryTruth,
  createMemoryTruthReader,
  type Call,
} from './ports/ingest.js';
import { createSearchModel, travelling } from './ports/stores.js';
import { Link, Process } from './process.js';
import { TOPIC_FLINK, TOPIC_KAFKA_ONLY, type ReadModelName, type World } from './world.js';

const HEARTBEAT_IDLE_MS = 300;
const REFRESH_MS = 250;
const RETENTION_MS = 500;

export type ServerLink = 'postgres' | 'proof' | 'kafka' | ReadModelName;

export class Server {
  readonly process: Process;
  readonly links: ReadonlyMap<ServerLink, Link>;
  /** Where the process dies the next time it comes there. */
  crashAt: CrashPoint | null = null;
  private readonly readerDeps: ReaderDeps;
  private readonly models: readonly ReadModel[];

  constructor(
    private readonly world: World,
    readonly name: string,
  ) {
    const { sim } = world;
    this.process = new Process(sim, name);
    this.links = new Map(
      (['postgres', 'proof', 'kafka', ...world.disks.keys()] as const).map((to) => [
        to,
        new Link(to, to === 'proof' ? 5 : 1.5),
      ]),
    );
    this.process.onLost = (point, fate) => {
      if (point === 'commit') world.fired(`commit cut off: it had ${fate === 'reply' ? 'happened' : 'not'}`);
    };
    const highest = new Highest();
    this.startIngest(highest);
    this.models = [...world.disks.keys()].map((store) => this.startModel(store));
    const proofs = this.proofs(highest);
    const retention = async (): Promise<void> => this.prune(proofs);
    startPeriodic({ everyMs: RETENTION_MS, run: retention, onError: () => undefined, after: this.process.after });
    this.readerDeps = this.reading(proofs);
  }

  /** What one request reads with. */
  reader(): RequestReader {
    return new RequestReader(this.readerDeps);
  }

  link(to: ServerLink): Link {
    const found = this.links.get(to);
    if (found === undefined) throw new Error(`${this.name} has no link to ${to}`);
    return found;
  }

  private call(to: ServerLink): Call {
    return (point, effect) => this.process.call(this.link(to), point, effect);
  }

  private startIngest(highest: Highest): void {
    const { world, process } = this;
    const onSession = (session: { end(): void }): void =>
      // The server notices the dead connection a little later, and rolls back.
      process.onCrash(() => world.sim.after(world.sim.random.latency(20), '', () => session.end()));
    let store = createMemoryIngestStore(world.postgres, this.call('postgres'), onSession);
    if (world.bug === 'offsets-outside') store = wrong.offsetsOutside(store, world.postgres);
    if (world.bug === 'same-row-twice') store = wrong.sameRowTwice(store);
    const handler = createIngest({
      store,
      highest,
      engines: new Map([
        [TOPIC_KAFKA_ONLY, 'KAFKA_ONLY'],
        [TOPIC_FLINK, 'FLINK'],
      ]),
      hook: (point) => this.at(point),
    });
    void new Member(world.groups.ingest, process, this.link('kafka'), 6).run(handler);
    startHeartbeat(store, HEARTBEAT_IDLE_MS, highest, () => undefined, process.after);
  }

  private at(point: CrashPoint): Promise<void> {
    if (this.crashAt !== point) return Promise.resolve();
    this.crashAt = null;
    this.world.fired(`crash at ${point}`);
    this.process.crash();
    return new Promise(() => undefined);
  }

  private startModel(store: ReadModelName): ReadModel {
    const { world, process } = this;
    const send = (step: string): Promise<void> => process.call(this.link(store), step, () => undefined);
    const disk = world.disk(store);
    const hook = travelling(disk, send);
    let model: ReadModel;
    if (store === 'ELASTICSEARCH') {
      const { search } = world;
      const searching = createSearchModel({ disk: search, hook, send });
      model = world.bug === 'search-before-refresh' ? wrong.searchBeforeRefresh(searching, search) : searching;
      const run = (): Promise<void> => searching.refresh();
      startPeriodic({ everyMs: REFRESH_MS, run, onError: () => undefined, after: process.after });
    } else {
      model = createMemoryModel({ disk, store, hook });
    }
    let consumer: Member | ReturnType<typeof wrong.appliedBeforeParts> = new Member(
      world.groups.cdc(store),
      process,
      this.link('kafka'),
      8,
    );
    if (world.bug === 'applied-before-parts') consumer = wrong.appliedBeforeParts(consumer, disk);
    void createProjection({
      model,
      truth: createMemoryTruth(world.postgres, this.call('postgres')),
      consumer,
      after: process.after,
      log: (_level, message) => world.sim.note(`${this.name} ${store}: ${message}`),
    }).start();
    if (world.bug === 'position-after-data') return wrong.positionAfterData(model);
    return world.bug === 'wall-clock-sync' ? wrong.wallClockSync(model, () => world.wallUs()) : model;
  }

  private proofs(highest: Highest): ProofSource {
    const { world, process } = this;
    const proofs = createProofSource({
      read: createMemoryClockRead(world.postgres, this.call('proof')),
      monotonicMs: () => world.sim.now,
      horizon: world.horizon,
      timeoutMs: 150,
      highest,
      onRewound: () => world.found('the clock was found rewound, and nothing rewound it'),
      after: process.after,
    });
    if (world.bug === 'joins-in-flight') return wrong.joinsInFlight(proofs);
    if (world.bug === 'stale-clock') return wrong.staleClock(proofs);
    return world.bug === 'floor-ignored' ? wrong.floorIgnored(proofs) : proofs;
  }

  private reading(proofs: ProofSource): ReaderDeps {
    const { world, models, process } = this;
    const truth = createMemoryTruthReader(world.postgres, this.call('postgres'));
    const readers = new Map<Store, ResultReader>([
      ['POSTGRES', truth],
      ...models.map((model) => [model.store, model] as const),
    ]);
    const monotonicMs = (): number => world.sim.now;
    const observed = new Observed(
      models.map(({ store }) => store),
      monotonicMs,
      300,
    );
    const freshenSyncs = async (): Promise<void> => {
      for (const model of models) {
        const binding = await model.binding();
        if (binding.status === 'bound') observed.sawApplied(model.store, binding.applied.committedAt);
      }
    };
    const watching: WatchOptions = {
      look: lookAt(readers),
      everyMs: 20,
      most: 50,
      warn: () => undefined,
      after: process.after,
    };
    const early = world.bug === 'early-wait' ? new wrong.EarlyWatch(watching) : null;
    if (early !== null) for (const model of models) readers.set(model.store, early.reader(model));
    const watch = early ?? new AppliedWatch(watching);
    return {
      readers,
      search: null,
      stats: new Map(),
      proofs,
      observed,
      bounds: { pipelineSilentMs: 3_000, staleMs: 500 },
      limits: { proofMs: 150, readMs: 150, answerMs: 500 },
      clock: { now: () => proofs.now(), monotonicMs },
      freshenSyncs,
      admission: createAdmission({ concurrent: 3, queued: 6 }),
      watch,
      warn: () => undefined,
      after: process.after,
    };
  }

  private async prune(proofs: ProofSource): Promise<void> {
    const { world, models } = this;
    const { position } = await proofs.prove();
    const bindings = await Promise.all(models.map((model) => model.binding()));
    const applied = bindings.flatMap((binding) => (binding.status === 'bound' ? [binding.applied.position] : []));
    const below = pruneBelow(position, applied, { keep: 4, most: 14 });
    await this.call('postgres')('prune', () => {
      if (world.postgres.prune(below) > 0) world.fired('commit log pruned');
    });
  }
}

/** As src/server/request-context.ts looks. */
function lookAt(readers: ReadonlyMap<Store, ResultReader>) {
  const nobody = { kind: 'order_window', businessKey: '-', engine: 'KAFKA_ONLY' } as const;
  const listing = { ...nobody, equals: {}, orderBy: 'window_start', descending: true, limit: 1 };
  return async (store: Store, path: Path): Promise<Applied | null> => {
    const reader = readers.get(store);
    if (reader === undefined) return null;
    return (await (path === 'SEARCH' ? reader.list(listing) : reader.readMany([nobody]))).applied;
  };
}
