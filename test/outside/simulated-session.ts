/** One session of the simulation, and the one who numbers what all of them write. */
import { EPOCH_MS, keyOfEvent, type Source, type SourceEvent } from '../../lab/simulation/actors/source.js';
import { KIND } from '../../lab/simulation/actors/engine.js';
import type { Scheduler } from '../../lab/simulation/scheduler.js';
import type { Server } from '../../lab/simulation/server.js';
import { READ_MODELS, type World } from '../../lab/simulation/world.js';
import { offerOf } from '../../src/contract/offer.js';
import type { ServedRow } from '../../src/contract/reader.js';
import type { SharedContract } from '../../src/contract/field.js';
import { lacks, NO_DEMAND, requirementOf, type Requirement } from '../../src/planner/requirement.js';
import { maxPosition, ORIGIN } from '../../src/position/position.js';
import type { Token } from '../../src/position/token.js';
import { counted } from '../../src/resolvers/ingested.js';
import type { ProcessingEngine } from '../../src/words.js';
import type { Recorder } from './history.js';

const ENGINES: readonly ProcessingEngine[] = ['KAFKA_ONLY', 'FLINK'];
const SYMBOLS = [
  { symbol: 'A', partition: 0 },
  { symbol: 'B', partition: 0 },
  { symbol: 'C', partition: 1 },
] as const;
/** Virtual milliseconds. */
const ANSWER_MS = 700;
const LOOK_MS = 60;
const PATIENCE_MS = 4_000;

export interface Write {
  readonly session: string;
  readonly key: string;
  /** How many events its window has with it. */
  readonly version: number;
  readonly event: SourceEvent;
  readonly call: number;
}

/** Produces events, and knows which version of which result each makes. */
export class Writer {
  readonly keys: string[] = [];
  private readonly versions = new Map<string, number>();
  private readonly open = new Set<Write>();

  constructor(
    private readonly sim: Scheduler,
    private readonly source: Source,
    private readonly recorder: Recorder,
    /** Registers of one run are not those of another. */
    private readonly prefix: string,
  ) {}

  produce(session: string): Write {
    const { random, now } = this.sim;
    const { symbol, partition } = random.pick(SYMBOLS);
    const call = this.recorder.now();
    const log = this.source.partitions[partition] ?? [];
    const event = { partition, offset: log.length, symbol, quantity: 1, eventMs: Math.floor(EPOCH_MS + now) };
    log.push(event);
    const key = keyOfEvent(event);
    const version = (this.versions.get(key) ?? 0) + 1;
    if (version === 1) this.keys.push(key);
    this.versions.set(key, version);
    const write = { session, key, version, event, call };
    this.open.add(write);
    return write;
  }

  /** The session was told that it is accepted. */
  accepted(write: Write): void {
    this.open.delete(write);
    this.record(write, this.recorder.now());
  }

  /** What nobody was told of may have happened. */
  close(): void {
    for (const write of this.open) this.record(write, null);
  }

  register(engine: ProcessingEngine, key: string): string {
    return `${this.prefix}${engine} ${key}`;
  }

  private record({ session, key, version, call }: Write, end: number | null): void {
    for (const engine of ENGINES) {
      this.recorder.add({ session, op: 'write', key: this.register(engine, key), version, call, return: end });
    }
  }
}

export interface SessionDeps {
  readonly name: string;
  readonly world: World;
  readonly writer: Writer;
  readonly servers: () => readonly Server[];
  readonly recorder: Recorder;
  readonly tokens: boolean;
}

/** What one request may bring: null when nobody answered in time. */
type Ask<T> = (server: Server) => Promise<T>;

export class SimulatedSession {
  done = false;
  private token: Token | null = null;
  private readonly seen: string[] = [];

  constructor(private readonly deps: SessionDeps) {}

  begin(atMs: number): void {
    this.deps.world.sim.after(atMs, '', () => {
      void this.live().then(() => (this.done = true));
    });
  }

  private async live(): Promise<void> {
    const { random } = this.deps.world.sim;
    const steps = 3 + random.below(5);
    for (let step = 0; step < steps; step += 1) {
      if (step === 0 || random.chance(0.15)) await this.write();
      else if (random.chance(0.2)) await this.list();
      else await this.read();
      await this.pause(random.latency(50));
    }
  }

  private async write(): Promise<void> {
    const { world, writer, name } = this.deps;
    const write = writer.produce(name);
    this.seen.push(write.key);
    const { partition, offset } = write.event;
    const places = [{ eventId: name, partition, offset: BigInt(offset) }];
    for (const end = world.sim.now + PATIENCE_MS; world.sim.now < end; await this.pause(LOOK_MS)) {
      const proof = await this.ask((server) => server.reader().proof());
      if (proof === null || proof.pipelines.length < ENGINES.length || !counted(proof, places)) continue;
      this.observe(proof);
      return writer.accepted(write);
    }
  }

  private requirement(): Requirement {
    const { random } = this.deps.world.sim;
    const demand = {
      ...NO_DEMAND,
      atLeast: this.deps.tokens ? this.token : null,
      scope: random.pick(['STRONG', 'EVENTUAL', 'EVENTUAL', null] as const),
      onUnmet: random.pick(['FALLBACK', 'WAIT', 'NULL', 'ERROR'] as const),
      timeoutMs: random.below(300),
    };
    return requirementOf(demand, 400);
  }

  /** A key that it knows, or any; from the store that the planner takes, or from one and no other. */
  private async read(): Promise<void> {
    const { world, writer, recorder } = this.deps;
    const { random } = world.sim;
    const businessKey = random.chance(0.7) ? random.pick(this.seen) : random.pick(writer.keys);
    const engine = random.pick(ENGINES);
    const key = { kind: KIND, engine, businessKey };
    const only = random.chance(0.35) ? random.pick(READ_MODELS) : null;
    const requirement = this.requirement();
    const call = recorder.now();
    const served = await this.ask(async (server) => {
      let met = true;
      const errand = { requirement, tell: (taken: { readonly met: boolean }) => void (met = taken.met) };
      const reader = server.reader();
      const row = only === null ? await reader.row(key, errand) : await reader.rowFrom(only, key);
      if (only !== null) met = lacks({ ...requirement, scope: null }, offerOf([row.contract])).length === 0;
      return { row, met, server: server.name };
    });
    // What does not keep the demand is no answer to it: a client does not show it.
    if (served === null || !served.met) return;
    this.shown(engine, businessKey, served.row, call, recorder.now(), served.server);
    this.remember([served.row.contract]);
  }

  private async list(): Promise<void> {
    const { world, recorder } = this.deps;
    const { random } = world.sim;
    const { symbol } = random.pick(SYMBOLS);
    const engine = random.pick(ENGINES);
    const query = { kind: KIND, engine, equals: { symbol }, orderBy: 'window_start', descending: false, limit: 501 };
    const requirement = this.requirement();
    const call = recorder.now();
    const served = await this.ask(async (server) => {
      let met = true;
      const tell = (taken: { readonly met: boolean }): void => void (met = taken.met);
      return { ...(await server.reader().list(query, { requirement, tell })), met, server: server.name };
    });
    if (served === null || !served.met) return;
    const end = recorder.now();
    const rows = new Map(served.rows.map((one) => [one.row?.businessKey ?? '', one]));
    const known = this.seen.filter((key) => key.startsWith(`${symbol}@`));
    // What it knows of and does not find there is shown as nothing.
    for (const key of new Set([...known, ...rows.keys()].filter((one) => one !== ''))) {
      const row = rows.get(key) ?? { row: null, contract: served.contract };
      this.shown(engine, key, row, call, end, served.server);
    }
    this.remember([served.contract, ...served.rows.map(({ contract }) => contract)]);
  }

  private shown(
    engine: ProcessingEngine,
    businessKey: string,
    { row, contract }: ServedRow,
    call: number,
    end: number,
    server: string,
  ): void {
    const { recorder, writer, name } = this.deps;
    const version = row === null || row.deleted ? 0 : Number(row.calculatedValue['orders_total']);
    this.seen.push(businessKey);
    recorder.add({
      session: name,
      op: 'read',
      key: writer.register(engine, businessKey),
      version,
      call,
      return: end,
      server,
      store: `${contract.servedBy} ${contract.consistencyScope}`,
    });
  }

  /** As `extensions.consistency.token` does. */
  private remember(contracts: readonly SharedContract[]): void {
    const { incarnation } = this.deps.world.postgres.clock;
    for (const { claim } of contracts) {
      const shown = maxPosition(claim.provenAt ?? ORIGIN, claim.reflects?.position ?? claim.position);
      this.observe({ incarnation, position: shown });
    }
  }

  private observe({ incarnation, position }: Token): void {
    this.token = { incarnation, position: maxPosition(this.token?.position ?? ORIGIN, position) };
  }

  /** Any server that runs; null when it fails, or says nothing in time. */
  private ask<T>(question: Ask<T>): Promise<T | null> {
    const { sim } = this.deps.world;
    const running = this.deps.servers().filter(({ process }) => process.running);
    if (running.length === 0) return this.pause(LOOK_MS).then(() => null);
    const limit = this.pause(ANSWER_MS).then(() => null);
    return Promise.race([question(sim.random.pick(running)).catch(() => null), limit]);
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.deps.world.sim.after(ms, '', resolve));
  }
}
