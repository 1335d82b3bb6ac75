/**
 * The recorder: it watches a running stack from outside and writes a history down (contract.md §10). Clients read at a given
 * rate over random keys, scopes and stores; one of them writes events of its own and reads them back. Whoever drives the run
 * tells it of faults. Memory is bounded: everything goes to the file at once, only some thousand keys are kept.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { overHttp, type Channel, type Way } from './channel.js';
import { CommittedTail } from './committed-tail.js';
import { dump, type StoreUrls } from './dump.js';
import { CheckpointedTo, countedTo } from './ends.js';
import { HistoryFile } from './file.js';
import { chance, now, pause, until } from './now.js';
import { outputsOf } from './outputs.js';
import { OwnWriter } from './own-writer.js';
import { byKey, everywhere, type Question } from './queries.js';
import { anomaliesOf, Questions } from './questions.js';
import { ask, type Asking, type Told } from './reader.js';
import { SourceTail } from './source-tail.js';
import { TruthTail } from './truth-tail.js';
import type { Key, StoreName } from './types.js';

export interface RecordOptions {
  /** GraphQL addresses; of several servers each session asks now this one, now that one. */
  readonly servers: readonly [string, ...string[]];
  readonly brokers: string;
  /** Postgres is the independent path to the truth; the others are written down at the end if their address is given. */
  readonly stores: StoreUrls;
  /** Each run gets a folder of its own in it. */
  readonly runs: string;
  readonly seed: number;
  /** Requests per second, of all sessions together. */
  readonly rate: number;
  readonly sessions: number;
  /** How the sessions speak to the servers, one after the other; left out: all over HTTP. */
  readonly ways?: readonly [Way, ...Way[]];
  /** What else is written, for the checkers that know of it. */
  readonly workloads?: readonly string[];
  /** Events that a session writes per second, to read them back; 0: none. */
  readonly writesPerSecond?: number;
  readonly windowMs?: number;
  /** Keys of these kinds are asked for; left out: all. */
  readonly kinds?: readonly string[];
  /** Of kinds with a row per order so many are read once more at the end. */
  readonly finalOthers?: number;
  /** Results that ought to be there by what has been written down, and are not: what is said of them is asked for at the end. */
  readonly missing?: (folder: string) => Promise<readonly Key[]>;
}

const FINAL_KEYS = 10;

export class Recorder {
  readonly folder: string;
  private readonly file: HistoryFile;
  private readonly truth: TruthTail;
  private readonly source: SourceTail;
  private readonly committed: CommittedTail;
  private readonly asking: readonly Asking[];
  /** By session and server: each client has a connection of its own. */
  private readonly channels = new Map<string, Channel>();
  private readonly questions: Questions;
  private readonly random: () => number;
  private readonly writer: OwnWriter;
  private reading: Promise<void>[] = [];
  private ending = false;
  private stopped = false;
  private faults = 0;
  private answers = 0;
  private claims = 0;
  /** Do the servers take tokens? */
  private tokens = false;

  constructor(private readonly options: RecordOptions) {
    const run = `${new Date().toISOString().replaceAll(/[:.]/g, '-')}-${randomUUID().slice(0, 8)}`;
    this.folder = join(options.runs, run);
    this.file = new HistoryFile(this.folder);
    this.random = chance(options.seed);
    const write = this.file.write.bind(this.file);
    this.truth = new TruthTail(options.stores.postgres, write);
    this.source = new SourceTail(options.brokers, write);
    this.committed = new CommittedTail(options.brokers, write);
    this.asking = options.servers.map((url) => this.askingOf(url));
    this.questions = new Questions(
      this.random,
      () => [...this.truth.keys.values()].filter(({ kind }) => options.kinds?.includes(kind) ?? true),
      ({ businessKey }) => businessKey.split('@')[0] ?? null,
    );
    this.writer = new OwnWriter(options.brokers, this.file);
  }

  /** Begins to watch and to read. */
  async start(): Promise<void> {
    const { seed, rate, sessions, windowMs = 300_000, servers } = this.options;
    const stores = await storesOf(servers[0]);
    this.tokens = await takesTokens(servers[0]);
    const { workloads = [] } = this.options;
    const own = { seed, rate, sessions, workloads };
    const notes = { ...own, servers: servers.length, tokens: this.tokens, node: process.version };
    this.file.write({ type: 'meta', run: this.folder, started: now(), windowMs, stores, notes });
    await Promise.all([this.truth.start(), this.source.start(), this.writer.start()]);
    this.committed.start();
    const ways = this.options.ways ?? [overHttp];
    this.reading = Array.from({ length: sessions }, (_, i) =>
      this.session(`s${i}`, ways[i % ways.length] ?? overHttp, (sessions * 1000) / rate),
    );
    const every = this.options.writesPerSecond ?? 1;
    if (every > 0) this.reading.push(this.writing(1000 / every));
  }

  /** Says that a fault is on; what is returned says that it is over. */
  fault(kind: string): () => void {
    const fault = { type: 'fault', id: (this.faults += 1), kind, started: now() } as const;
    this.file.write({ ...fault, healed: null });
    return () => this.file.write({ ...fault, healed: now() });
  }

  /** The servers have had their load for a while: how useful claims are is measured from here on, up to the first fault. */
  warm(): void {
    this.file.write({ type: 'warm', at: now().mono });
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
        for (const output of await outputsOf(this.options.stores.postgres, this.source.numbering))
          this.file.write(output);
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
    await Promise.allSettled([...this.channels.values()].map((channel) => channel.close()));
    await Promise.allSettled([this.writer.stop(), this.source.stop(), this.committed.stop(), this.truth.stop()]);
    await this.file.close();
  }

  private askingOf(url: string): Asking {
    let lives = 0;
    return {
      file: this.file,
      nextId: () => ++this.answers,
      server: () => `${url}#${lives}`,
      unreachable: () => (lives += 1),
      heard: (claims) => (this.claims += claims),
    };
  }

  /** Of any of the servers, by chance. */
  private ask(session: string, question: Question, way = overHttp): Promise<Told> {
    const which = Math.floor(this.random() * this.asking.length);
    const id = `${session}|${which}`;
    const channel = this.channels.get(id) ?? way(this.options.servers[which] ?? this.options.servers[0]);
    this.channels.set(id, channel);
    return ask(this.asking[which] as Asking, session, question, channel);
  }

  private async session(name: string, way: Way, everyMs: number): Promise<void> {
    let token: string | null = null;
    // Not all at once.
    await pause(this.random() * everyMs);
    while (!this.ending) {
      const began = now().mono;
      const question = this.questions.next(this.tokens ? token : null);
      if (question !== null) token = (await this.ask(name, question, way)).token ?? token;
      await pause(everyMs - (now().mono - began));
    }
  }

  /** Its own symbol, so that nobody else's events hide a lost one. Reads at once, in every way. */
  private async writing(everyMs: number): Promise<void> {
    while (!this.ending) {
      const began = now().mono;
      const key = await this.writer.write().catch(() => null);
      if (key !== null) {
        const keys = this.truth.engines.map((engine) => ({ ...key, engine }));
        for (const scope of ['STRONG', null, 'STRONG', null] as const) {
          await this.ask(this.writer.session, byKey(key.kind, keys, { scope, token: null }));
          await pause(everyMs / 6);
        }
      }
      await pause(everyMs - (now().mono - began));
    }
  }

  /** All windows, and some of whatever else there is or could be, from every store. */
  private async readAll(): Promise<void> {
    const keys = [...this.truth.keys.values()];
    const others = keys.filter(({ kind }) => kind !== 'order_window').slice(-(this.options.finalOthers ?? 1_500));
    const orders = others.filter(({ kind }) => kind === 'order');
    const possible = orders.slice(-Math.ceil(orders.length / 8)).flatMap(anomaliesOf);
    await this.file.flush();
    const missing = (await this.options.missing?.(this.folder)) ?? [];
    const wanted = [...keys.filter(({ kind }) => kind === 'order_window'), ...others, ...possible, ...missing];
    for (let from = 0; from < wanted.length; from += FINAL_KEYS) {
      await this.ask('end', everywhere(wanted.slice(from, from + FINAL_KEYS)));
    }
  }

  /** Counted to the end of the source, accepted, nothing changing any more, and applied in every store. */
  private async settled(timeoutMs: number): Promise<boolean> {
    const ends = await this.source.sourceEnds();
    const client = new pg.Client({ connectionString: this.options.stores.postgres });
    await client.connect();
    try {
      const limits = { timeoutMs, everyMs: 200 };
      const flink = new CheckpointedTo();
      const counted = async (): Promise<boolean> => {
        const both = [await countedTo(client, ends), await flink.reached(client, ends, this.committed.offsets)];
        return both.every(Boolean) && now().mono - this.truth.changedAt > 2_500;
      };
      if (!(await until(counted, limits))) return false;
      const position = this.truth.position;
      for (const url of this.options.servers) {
        if (!(await until(() => appliedTo(url, position), limits))) return false;
      }
      return true;
    } finally {
      await client.end();
    }
  }
}

interface Reply<T> {
  readonly data: T;
  readonly errors?: readonly { readonly extensions?: { readonly code?: string } }[];
  readonly extensions?: { readonly consistency?: { readonly token?: string | null } };
}

async function graphql<T>(url: string, query: string): Promise<Reply<T>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
    signal: AbortSignal.timeout(10_000),
  });
  return (await response.json()) as Reply<T>;
}

const storesOf = async (url: string): Promise<StoreName[]> =>
  (await graphql<{ serverInfo: { stores: StoreName[] } }>(url, '{ serverInfo { stores } }')).data.serverInfo.stores;

/** Whether this server gives tokens out and takes them back. */
async function takesTokens(url: string): Promise<boolean> {
  const nobody = `orderWindow(symbol: "NOBODY", at: "${new Date().toISOString()}") { businessKey }`;
  const token = (await graphql(url, `{ ${nobody} }`)).extensions?.consistency?.token;
  if (token == null) return false;
  const { errors } = await graphql(url, `query @consistency(atLeast: ${JSON.stringify(token)}) { ${nobody} }`);
  return errors === undefined;
}

async function appliedTo(url: string, position: number): Promise<boolean> {
  const query = '{ stores { appliedPosition } }';
  const { stores } = (await graphql<{ stores: { appliedPosition: string | null }[] }>(url, query)).data;
  return stores.every(({ appliedPosition }) => Number(appliedPosition ?? -1) >= position);
}
