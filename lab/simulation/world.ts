/** Everything that the servers share: Postgres, topics, groups, the read models' disks, and what a run wants to remember. */
import type { Scheduler } from './scheduler.js';
import { RowOrderPostgres, UncommittedTopic, type Bug } from './bugs.js';
import { Connector } from './actors/connector.js';
import { EPOCH_MS } from './actors/source.js';
import { Group } from './ports/consumer.js';
import { MemoryPostgres, type LogRow, type PostgresOptions } from './ports/postgres.js';
import { SearchDisk, StoreDisk } from './ports/stores.js';
import { Topic } from './ports/topic.js';

export const TOPIC_KAFKA_ONLY = 'results.kafka-only';
export const TOPIC_FLINK = 'results.flink';
export const READ_MODELS = ['MONGODB', 'ELASTICSEARCH'] as const;
export type ReadModelName = (typeof READ_MODELS)[number];

/** Small, so that a transaction of a few rows goes in parts. */
const PART_CHARS = 700;

export class World {
  readonly postgres: MemoryPostgres;
  readonly results: ReadonlyMap<string, Topic>;
  readonly cdc: Topic;
  readonly connector: Connector;
  readonly search = new SearchDisk();
  readonly disks: ReadonlyMap<ReadModelName, StoreDisk> = new Map<ReadModelName, StoreDisk>([
    ['MONGODB', new StoreDisk()],
    ['ELASTICSEARCH', this.search],
  ]);
  readonly groups: { readonly ingest: Group; readonly cdc: (store: ReadModelName) => Group };
  /** Faults that were not only planned, but happened. */
  readonly fires = new Map<string, number>();
  /** What must not happen, and did. */
  readonly findings: string[] = [];
  /** Small, so that stores fall behind the floor of the in-flight set, and must say so. */
  readonly horizon: { readonly positions: number; readonly keys: number };
  /** How far Postgres' clock was set back; how far the servers' wall clocks are off. Milliseconds. */
  postgresBackMs = 0;
  wallOffMs = 0;

  constructor(
    readonly sim: Scheduler,
    readonly bug: Bug | null,
    onCommit: (row: LogRow) => void,
  ) {
    this.horizon = { positions: 2 + sim.random.below(6), keys: 2 + sim.random.below(6) };
    const nowMs = (): number => EPOCH_MS + sim.now;
    const options: PostgresOptions = {
      nowUs: () => Math.floor((nowMs() - this.postgresBackMs) * 1000),
      newNonce: () => sim.random.name(),
      partChars: PART_CHARS,
      onCommit: (rows) => {
        if (rows[0] !== undefined) onCommit(rows[0]);
        sim.note(`position ${rows[0]?.position} of ${rows[0]?.parts} part(s) is committed`);
        this.connector.commit(rows);
      },
    };
    this.postgres = bug === 'row-order' ? new RowOrderPostgres(options) : new MemoryPostgres(options);
    const topic = (name: string): Topic =>
      bug === 'aborted-read' ? new UncommittedTopic(name, nowMs) : new Topic(name, nowMs);
    this.results = new Map([TOPIC_KAFKA_ONLY, TOPIC_FLINK].map((name) => [name, topic(name)]));
    this.cdc = new Topic('cdc.public.commit_log', nowMs);
    this.connector = new Connector(sim, this.cdc, 4);
    const cdcGroups = new Map(READ_MODELS.map((store) => [store, new Group(sim, [this.cdc])]));
    this.groups = {
      ingest: new Group(sim, [...this.results.values()]),
      cdc: (store) => cdcGroups.get(store) as Group,
    };
  }

  disk(store: ReadModelName): StoreDisk {
    const disk = this.disks.get(store);
    if (disk === undefined) throw new Error(`no disk of ${store}`);
    return disk;
  }

  /** Microseconds, by the wall clock of the servers. */
  wallUs(): number {
    return (EPOCH_MS + this.sim.now + this.wallOffMs) * 1000;
  }

  fired(fault: string): void {
    this.sim.note(`fault: ${fault}`);
    this.fires.set(fault, (this.fires.get(fault) ?? 0) + 1);
  }

  found(what: string): void {
    this.sim.note(`FOUND ${what}`);
    this.findings.push(what);
  }
}
