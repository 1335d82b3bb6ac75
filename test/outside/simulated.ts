/**
 * Sessions on the simulation: the server's own ingest, projections, proof, planner and readers in two processes under
 * virtual time and faults from a seed (ADR 12). Each session writes events of its own, waits as `awaitIngested` does, and
 * reads by every path from either server, with the token of what it saw and wrote.
 */
import { FlinkEngine } from '../../lab/simulation/actors/flink.js';
import { KafkaOnlyEngine } from '../../lab/simulation/actors/kafka-only.js';
import { Source } from '../../lab/simulation/actors/source.js';
import type { Bug } from '../../lab/simulation/bugs.js';
import { FAULTS } from '../../lab/simulation/faults.js';
import { Scheduler } from '../../lab/simulation/scheduler.js';
import { Server } from '../../lab/simulation/server.js';
import { TOPIC_FLINK, TOPIC_KAFKA_ONLY, World } from '../../lab/simulation/world.js';
import type { Recorder } from './history.js';
import { SimulatedSession, Writer } from './simulated-session.js';

export interface SimulatedOptions {
  readonly seed: number;
  readonly sessions: number;
  /** Sessions in one run of the simulation. */
  readonly perRun?: number;
  /** false: nobody brings a token, so that sessions see the past. The judge has to notice. */
  readonly tokens?: boolean;
  readonly bug?: Bug | null;
  readonly onRun?: (sessions: number) => void;
}

const SERVERS = 2;
/** Virtual milliseconds: sessions begin and faults come until then; everything is over a while later. */
const TROUBLE_MS = 3_000;
const MOST_MS = 60_000;
/** It counts anew after a crash, and says so: LOW. Then the same events are no longer the same version. */
const UNWANTED = new Set(['kafka-only engine crashes']);

/** @returns what must not have happened, and did, in sentences */
export async function recordSimulated(recorder: Recorder, options: SimulatedOptions): Promise<string[]> {
  const perRun = options.perRun ?? 100;
  const findings: string[] = [];
  for (let first = 0; first < options.sessions; first += perRun) {
    const count = Math.min(perRun, options.sessions - first);
    const run = new Run(recorder, options.seed * 1_000_000 + first / perRun, count, options);
    findings.push(...(await run.end()));
    options.onRun?.(first + count);
  }
  return findings;
}

class Run {
  private readonly sim: Scheduler;
  private readonly world: World;
  private servers: Server[] = [];
  private names = 0;

  constructor(
    private readonly recorder: Recorder,
    private readonly seed: number,
    private readonly count: number,
    private readonly options: SimulatedOptions,
  ) {
    this.sim = new Scheduler(seed, false);
    this.world = new World(this.sim, options.bug ?? null, () => undefined);
  }

  async end(): Promise<string[]> {
    const { sim, world, options } = this;
    const source = new Source(sim, 1);
    source.stop();
    const topic = (name: string) => {
      const found = world.results.get(name);
      if (found === undefined) throw new Error(`no topic ${name}`);
      return found;
    };
    const engines = {
      kafkaOnly: new KafkaOnlyEngine(sim, source, topic(TOPIC_KAFKA_ONLY)),
      flink: new FlinkEngine(sim, source, topic(TOPIC_FLINK)),
    };
    for (let n = 0; n < SERVERS; n += 1) this.start();
    engines.kafkaOnly.begin();
    engines.flink.begin();
    const writer = new Writer(sim, source, this.recorder, `${this.seed}/`);
    const sessions = Array.from(
      { length: this.count },
      (_, n) =>
        new SimulatedSession({
          name: `${this.seed}/${n}`,
          world,
          writer,
          servers: () => this.servers,
          recorder: this.recorder,
          tokens: options.tokens ?? true,
        }),
    );
    for (const session of sessions) session.begin(sim.random.between(0, TROUBLE_MS * 0.9));
    this.plan(engines);
    await sim.run(() => sim.now >= TROUBLE_MS, TROUBLE_MS);
    this.heal();
    const ended = await sim.run(() => sessions.every(({ done }) => done), MOST_MS);
    writer.close();
    const late = ended ? [] : [`${sessions.filter(({ done }) => !done).length} sessions did not come to their end`];
    return [...world.findings, ...late].map((what) => `run ${this.seed}: ${what}`);
  }

  private start(): void {
    this.names += 1;
    this.servers.push(new Server(this.world, `server-${this.names}`));
  }

  private restart(server: Server): void {
    if (!this.servers.includes(server)) return;
    this.servers = this.servers.filter((other) => other !== server);
    this.start();
  }

  /** As lab/simulation/faults.ts plans, of the faults that leave versions what they are. */
  private plan(engines: { readonly kafkaOnly: KafkaOnlyEngine; readonly flink: FlinkEngine }): void {
    const { sim, world } = this;
    const names = Object.keys(FAULTS).filter((name) => !UNWANTED.has(name));
    const stage = { world, servers: () => this.servers, restart: (server: Server) => this.restart(server), engines };
    const count = 3 + sim.random.below(6);
    for (let n = 0; n < count; n += 1) {
      const fault = FAULTS[sim.random.pick(names)];
      const at = sim.random.between(100, TROUBLE_MS * 0.8);
      const lastsMs = Math.min(sim.random.between(50, 1_200), TROUBLE_MS - at);
      sim.after(at, '', () => {
        const heal = fault?.(stage, lastsMs);
        if (heal !== undefined) sim.after(lastsMs, 'heals', heal);
      });
    }
  }

  private heal(): void {
    this.world.connector.resume();
    for (const server of this.servers) {
      server.crashAt = null;
      server.process.resume();
      for (const link of server.links.values()) link.heal();
    }
    for (const server of this.servers.filter(({ process }) => !process.alive)) this.restart(server);
  }
}
