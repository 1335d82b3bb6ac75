/**
 * The recorder: it watches a running stack from outside and writes a history down (contract.md §10). Clients read at a given
 * rate over random keys, scopes and stores; one of them writes events of its own and reads them back. Whoever drives the run
 * tells it of faults. Memory is bounded: everything goes to the file at once, only some thousand keys are kept.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { PIPELINE_KAFKA_ONLY } from '../../wire/topics.js';
import { dump, type StoreUrls } from './dump.js';
import { HistoryFile } from './file.js';
import { chance, now, pause, until } from './now.js';
import { OwnWriter } from './own-writer.js';
import { everywhere, windows, windowsOf, type Question } from './queries.js';
import { ask, type Asking } from './reader.js';
import { SourceTail } from './source-tail.js';
import { TruthTail } from './truth-tail.js';
import type { Key, Scope, StoreName } from './types.js';

export interface RecordOptions {
  readonly graphqlUrl: string;
  readonly brokers: string;
  /** Postgres is the independent path to the truth; the others are written down at the end if their address is given. */
  readonly stores: StoreUrls;
  /** Each run gets a folder of its own in it. */
  readonly runs: string;
  readonly seed: number;
  /** Requests per second, of all sessions together. */
  readonly rate: number;
  readonly sessions: number;
  /** Events that a session writes per second, to read them back; 0: none. */
  readonly writesPerSecond?: number;
  readonly windowMs?: number;
  /** Of kinds with a row per order so many are read once more at the end. */
  readonly finalOthers?: number;
}

const KEYS_PER_REQUEST = 10;
/** Of a listing of everything. */
const NEWEST = 40;
/** Half of the reads go to what changed last: old rows are easy to be right about. */
const RECENT = 150;
const FINAL_KEYS = 10;

export class Recorder {
  readonly folder: string;
  private readonly file: HistoryFile;
  private readonly truth: TruthTail;
  private readonly source: SourceTail;
  private readonly asking: Asking;
  private readonly random: () => number;
  private readonly writer: OwnWriter;
  private reading: Promise<void>[] = [];
  private ending = false;
  private stopped = false;
  private faults = 0;
  private answers = 0;
  private claims = 0;
  private lives = 0;

  constructor(private readonly options: RecordOptions) {
    const run = `${new Date().toISOString().replaceAll(/[:.]/g, '-')}-${randomUUID().slice(0, 8)}`;
    this.folder = join(options.runs, run);
    this.file = new HistoryFile(this.folder);
    this.random = chance(options.seed);
    const write = this.file.write.bind(this.file);
    this.truth = new TruthTail(options.stores.postgres, write);
    this.source = new SourceTail(options.brokers, write);
    this.asking = {
      url: options.graphqlUrl,
      file: this.file,
      nextId: () => ++this.answers,
      server: () => `${options.graphqlUrl}#${this.lives}`,
      unreachable: () => (this.lives += 1),
      heard: (claims) => (this.claims += claims),
    };
    this.writer = new OwnWriter(options.brokers, this.file);
  }

  /** Begins to watch and to read. */
  async start(): Promise<void> {
    const { seed, rate, sessions, windowMs = 300_000, graphqlUrl } = this.options;
    const stores = await storesOf(graphqlUrl);
    const notes = { seed, rate, sessions, node: process.version };
    this.file.write({ type: 'meta', run: this.folder, started: now(), windowMs, stores, notes });
    await Promise.all([this.truth.start(), this.source.start(), this.writer.start()]);
    this.reading = Array.from({ length: sessions }, (_, i) => this.session(`s${i}`, (sessions * 1000) / rate));
    const every = this.options.writesPerSecond ?? 1;
    if (every > 0) this.reading.push(this.writing(1000 / every));
  }

  /** Says that a fault is on; what is returned says that it is over. */
  fault(kind: string): () => void {
    const fault = { type: 'fault', id: (this.faults += 1), kind, started: now() } as const;
    this.file.write({ ...fault, healed: null });
    return () => this.file.write({ ...fault, healed: now() });
  }

  /** So far; a claim that was read twice counts twice here. */
  get recorded(): { readonly answers: number; readonly claims: number; readonly position: number } {
    return { answers: this.answers, claims: this.claims, position: this.truth.position };
  }

  /**
   * Whoever writes has stopped: waits until all is counted, accepted and applied, reads everything once more, writes down
   * what the stores hold, and ends.
   * @returns whether it became quiet; if not, the checkers say unknown of all that only the end can show
   */
  async finish(timeoutMs = 60_000): Promise<boolean> {
    this.ending = true;
    try {
      await Promise.all(this.reading);
      await this.writer.stop();
      const quiet = (await this.source.caughtUp(timeoutMs)) && (await this.settled(timeoutMs));
      if (quiet) {
        this.file.write({ type: 'quiet', at: now().mono });
        await this.readAll();
        await dump(this.options.stores, this.file.write.bind(this.file));
      }
      return quiet;
    } finally {
      await this.stop();
    }
  }

  /** Ends at once; what was written stays. */
  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = this.ending = true;
    await Promise.allSettled(this.reading);
    await Promise.allSettled([this.writer.stop(), this.source.stop(), this.truth.stop()]);
    await this.file.close();
  }

  private async session(name: string, everyMs: number): Promise<void> {
    // Not all at once.
    await pause(this.random() * everyMs);
    while (!this.ending) {
      const began = now().mono;
      const question = this.question();
      if (question !== null) await ask(this.asking, name, question);
      await pause(everyMs - (now().mono - began));
    }
  }

  /** Its own symbol, so that nobody else's events hide a lost one. Reads at once, in every way. */
  private async writing(everyMs: number): Promise<void> {
    while (!this.ending) {
      const began = now().mono;
      const key = await this.writer.write().catch(() => null);
      if (key !== null) {
        for (const scope of ['STRONG', null, 'STRONG', null] as const) {
          await ask(this.asking, this.writer.session, windows([key], scope));
          await pause(everyMs / 6);
        }
      }
      await pause(everyMs - (now().mono - began));
    }
  }

  private pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.random() * list.length)];
  }

  private question(): Question | null {
    const all = [...this.truth.keys.values()];
    const recent = all.slice(-RECENT);
    const some = (kind?: string): Key[] => {
      const from = (this.random() < 0.5 ? recent : all).filter((key) => kind === undefined || key.kind === kind);
      const keys = Array.from({ length: KEYS_PER_REQUEST }, () => this.pick(from)).filter((key) => key !== undefined);
      return [...new Map(keys.map((key) => [`${key.engine}|${key.kind}|${key.businessKey}`, key])).values()];
    };
    const scope = this.pick<Scope | null>(['STRONG', 'EVENTUAL', null]) ?? null;
    const dice = this.random();
    if (dice < 0.25) return nonEmpty(some(), everywhere);
    const found = some('order_window');
    if (dice < 0.6) return nonEmpty(found, (keys) => windows(keys, scope));
    const [key] = found;
    if (key === undefined) return null;
    const [symbol = '', at = ''] = key.businessKey.split('@');
    if (dice < 0.65) return windows([{ ...key, businessKey: `NOBODY@${at}` }], scope);
    return dice < 0.8 ? windowsOf(symbol, key.engine, scope) : windowsOf(null, key.engine, scope, NEWEST);
  }

  /** All windows, and some of whatever else there is, from every store. */
  private async readAll(): Promise<void> {
    const keys = [...this.truth.keys.values()];
    const wanted = [
      ...keys.filter(({ kind }) => kind === 'order_window'),
      ...keys.filter(({ kind }) => kind !== 'order_window').slice(-(this.options.finalOthers ?? 1_500)),
    ];
    for (let from = 0; from < wanted.length; from += FINAL_KEYS) {
      await ask(this.asking, 'end', everywhere(wanted.slice(from, from + FINAL_KEYS)));
    }
  }

  /** Counted to the end of the source, accepted, nothing changing any more, and applied in every store. */
  private async settled(timeoutMs: number): Promise<boolean> {
    const ends = await this.source.sourceEnds();
    const client = new pg.Client({ connectionString: this.options.stores.postgres });
    await client.connect();
    try {
      const limits = { timeoutMs, everyMs: 200 };
      if (
        !(await until(async () => (await countedTo(client, ends)) && now().mono - this.truth.changedAt > 2_500, limits))
      ) {
        return false;
      }
      const position = this.truth.position;
      return await until(() => appliedTo(this.options.graphqlUrl, position), limits);
    } finally {
      await client.end();
    }
  }
}

const nonEmpty = (keys: readonly Key[], make: (keys: readonly Key[]) => Question): Question | null =>
  keys.length === 0 ? null : make(keys);

async function graphql<T>(url: string, query: string): Promise<T> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
    signal: AbortSignal.timeout(10_000),
  });
  return ((await response.json()) as { data: T }).data;
}

const storesOf = async (url: string): Promise<StoreName[]> =>
  (await graphql<{ serverInfo: { stores: StoreName[] } }>(url, '{ serverInfo { stores } }')).serverInfo.stores;

interface Facts {
  readonly assignments: Readonly<Record<string, { readonly run: string }>>;
  readonly heartbeats: Readonly<
    Record<string, { readonly sources: Readonly<Record<string, { readonly nextOffset: number }>> }>
  >;
}

/** What the Kafka-only engine says of itself, in every result partition. Only to know when to look: no checker believes it. */
async function countedTo(client: pg.Client, ends: readonly number[]): Promise<boolean> {
  const { rows } = await client.query<{ facts: Facts }>('select facts from pipeline_facts where pipeline = $1', [
    PIPELINE_KAFKA_ONLY,
  ]);
  const reached = ({ assignments, heartbeats }: Facts): boolean =>
    ends.every((end, p) => (heartbeats[assignments[p]?.run ?? '']?.sources[p]?.nextOffset ?? -1) >= end);
  return rows.length > 0 && rows.every(({ facts }) => reached(facts));
}

async function appliedTo(url: string, position: number): Promise<boolean> {
  const { stores } = await graphql<{ stores: { appliedPosition: string | null }[] }>(
    url,
    '{ stores { appliedPosition } }',
  );
  return stores.every(({ appliedPosition }) => Number(appliedPosition ?? -1) >= position);
}
