/** One run: build the world, let it run with faults, heal everything, wait for rest, ask once more, judge. */
import { Client, Record } from './actors/client.js';
import { FlinkEngine } from './actors/flink.js';
import { KafkaOnlyEngine } from './actors/kafka-only.js';
import { KIND } from './actors/engine.js';
import { Source } from './actors/source.js';
import type { Bug } from './bugs.js';
import { plan, type Stage } from './faults.js';
import { historyFrom, judge } from './judge.js';
import { Scheduler } from './scheduler.js';
import { Server } from './server.js';
import { READ_MODELS, TOPIC_FLINK, TOPIC_KAFKA_ONLY, World } from './world.js';

export interface RunOptions {
  readonly seed: number;
  readonly bug?: Bug | null;
  /** Keep the trace, for people. */
  readonly trace?: boolean;
}

export interface RunResult {
  readonly seed: number;
  /** SHA-256 of the trace: what two runs of a seed have in common. */
  readonly hash: string;
  readonly violations: readonly string[];
  readonly claims: number;
  readonly answers: number;
  /** Claims to be current, among all: silence would be true, too. */
  readonly proven: number;
  readonly positions: number;
  readonly steps: number;
  /** Faults that happened, how often. */
  readonly fires: ReadonlyMap<string, number>;
  readonly trace: readonly string[] | null;
}

/** Virtual milliseconds: faults and events until then, rest within that much more. */
const TROUBLE_MS = 1_500;
const REST_MS = 30_000;

class Run {
  readonly sim: Scheduler;
  readonly world: World;
  readonly source: Source;
  readonly record: Record;
  private readonly engines: Stage['engines'];
  private readonly committed = new Map<number, number>();
  private servers: Server[] = [];
  private names = 0;

  constructor(private readonly options: RunOptions) {
    this.sim = new Scheduler(options.seed, options.trace ?? false);
    this.world = new World(this.sim, options.bug ?? null, ({ position, committedAt }) =>
      this.committed.set(Number(position), committedAt),
    );
    // Where the clock stood before anything was accepted.
    this.committed.set(0, this.world.postgres.clock.committedAt);
    this.source = new Source(this.sim, 90);
    this.record = new Record(this.world);
    const topic = (name: string) => {
      const found = this.world.results.get(name);
      if (found === undefined) throw new Error(`no topic ${name}`);
      return found;
    };
    this.engines = {
      kafkaOnly: new KafkaOnlyEngine(this.sim, this.source, topic(TOPIC_KAFKA_ONLY)),
      flink: new FlinkEngine(this.sim, this.source, topic(TOPIC_FLINK)),
    };
  }

  async run(): Promise<RunResult> {
    const { sim, world, source, record, engines } = this;
    const servers = (): readonly Server[] => this.servers;
    for (let n = 0; n < 1 + sim.random.below(2); n += 1) this.start();
    const clients = ['one', 'two'].map((name) => new Client(world, source, servers, record, name, 80));
    engines.kafkaOnly.begin();
    engines.flink.begin();
    for (const client of clients) client.begin(() => sim.now < TROUBLE_MS);
    plan({ world, servers, restart: (server) => this.restart(server), engines }, TROUBLE_MS);
    await sim.run(() => sim.now >= TROUBLE_MS, TROUBLE_MS);
    source.stop();
    this.heal();
    const rested = await sim.run(() => this.rested(), TROUBLE_MS + REST_MS);
    if (!rested) world.found(`no rest: ${this.why()}`);
    const quietMs = rested ? sim.now : null;
    if (rested) await this.askOnceMore(clients[0] as Client);
    const history = historyFrom(world, record, this.committed, quietMs);
    const { violations, claims } = judge(world, history, source);
    return {
      seed: this.options.seed,
      hash: sim.digest(),
      violations,
      claims,
      answers: record.answers.length,
      proven: record.answers.flatMap((one) => one.claims).filter(({ contract }) => contract.provenAt !== null).length,
      positions: this.committed.size,
      steps: sim.steps,
      fires: world.fires,
      trace: sim.lines,
    };
  }

  private start(): void {
    this.names += 1;
    this.servers.push(new Server(this.world, `server-${this.names}`));
  }

  private restart(server: Server): void {
    this.servers = this.servers.filter((other) => other !== server);
    this.start();
  }

  private heal(): void {
    this.sim.note('all faults are over');
    this.world.connector.resume();
    for (const server of this.servers) {
      server.crashAt = null;
      server.process.resume();
      for (const link of server.links.values()) link.heal();
    }
    for (const server of this.servers.filter(({ process }) => !process.alive)) this.restart(server);
  }

  /** Everything was read, accepted, published, applied and made findable. */
  private rested(): boolean {
    return this.why() === null;
  }

  private why(): string | null {
    const { world, engines } = this;
    if (!engines.kafkaOnly.idle || !engines.flink.idle) return 'an engine has something left to read';
    for (const topic of world.results.values()) {
      const next = world.postgres.offsets.get(`${topic.name}/0`)?.next ?? 0n;
      if ((topic.fetch(next, 1)?.records.length ?? 0) > 0)
        return `${topic.name} is not consumed: ${next} of ${topic.high}`;
    }
    const newest = world.postgres.versions.at(-1)?.position ?? 0n;
    for (const store of READ_MODELS) {
      const { bound, collection } = world.disk(store);
      if (bound === null || bound.collection !== collection) return `${store} is not bound`;
      if (bound.applied.position < newest) return `${store} is at ${bound.applied.position} of ${newest}`;
    }
    const found = world.search.search?.position ?? -1n;
    return found < newest ? `the search is at ${found} of ${newest}` : null;
  }

  private async askOnceMore(client: Client): Promise<void> {
    const server = this.servers.find(({ process }) => process.running);
    if (server === undefined) throw new Error('every server is gone, and nobody has started one');
    const keys = (['KAFKA_ONLY', 'FLINK'] as const).flatMap((engine) =>
      this.source.keys.map((businessKey) => ({ kind: KIND, engine, businessKey })),
    );
    let asked = 0;
    const asks = (['POSTGRES', ...READ_MODELS] as const).map((store) =>
      client.rows(server, keys, 'EVENTUAL', store).then(() => (asked += 1)),
    );
    await this.sim.run(() => asked === asks.length, this.sim.now + 2_000);
    if (asked < asks.length) this.world.found('at the end not every store answers');
  }
}

export const simulate = (options: RunOptions): Promise<RunResult> => new Run(options).run();
