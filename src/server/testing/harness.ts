/** A running server over fakes, and a client for it. */
import { pino, type Logger } from 'pino';
import { Registry } from 'prom-client';
import type { FaultDesk } from '../../lab/port.js';
import type { DecisionRow, LivenessStatus, PipelineFigures, StoreHealth } from '../../resolvers/context.js';
import type { Store } from '../../words.js';
import { createApp, type App } from '../app.js';
import { DEFAULT_LIMITS, type AppDeps, type Readiness, type ServerConfig, type ServerLimits } from '../options.js';
import { FakeAudit } from './fake-audit.js';
import { FakeLedgers } from './fake-ledgers.js';
import { FakeProofs } from './fake-proofs.js';
import { FakeStore } from './fake-store.js';

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // The shape depends on the query; tests compare it whole.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: any;
}

export interface Harness {
  readonly url: string;
  readonly postgres: FakeStore;
  readonly mongodb: FakeStore;
  readonly elasticsearch: FakeStore;
  readonly clickhouse: FakeStore;
  readonly ledgers: FakeLedgers;
  readonly audit: FakeAudit;
  readonly proofs: FakeProofs;
  readonly logged: Record<string, unknown>[];
  readiness: Readiness;
  health: StoreHealth[];
  /** What the monitor tells, by pipeline. */
  figures: Map<string, PipelineFigures>;
  liveness: readonly LivenessStatus[];
  /** What the FLINK pipeline has counted, with its results accepted. */
  accepted: Map<number, bigint>;
  /** A clock that never steps, in milliseconds, moved by hand. */
  monotonic: number;
  query(query: string, variables?: Record<string, unknown>, headers?: Record<string, string>): Promise<Answered>;
  get(path: string, headers?: Record<string, string>): Promise<Answered>;
  post(path: string, body: string, headers: Record<string, string>): Promise<Answered>;
  close(): Promise<void>;
}

export interface HarnessOptions {
  readonly limits?: Partial<ServerLimits>;
  readonly config?: Partial<ServerConfig>;
  readonly kinds?: AppDeps['kinds'];
  /** Default: Postgres and MongoDB. */
  readonly stores?: readonly Store[];
  readonly decisionTable?: readonly DecisionRow[];
  /** Lab mode. */
  readonly faults?: FaultDesk;
  /** Instead of the fake one. */
  readonly log?: Pick<AppDeps, 'events' | 'listen'>;
  /** What `monotonicMs` answers instead of the hand-moved clock. */
  readonly monotonicMs?: () => number;
}

/** Starts a server on a free port of this machine. Close it. */
export async function startServer(options: HarnessOptions = {}): Promise<Harness> {
  const postgres = new FakeStore('POSTGRES');
  const mongodb = new FakeStore('MONGODB');
  const elasticsearch = new FakeStore('ELASTICSEARCH');
  const clickhouse = new FakeStore('CLICKHOUSE');
  const ledgers = new FakeLedgers();
  const audit = new FakeAudit();
  const stores = [postgres, mongodb, elasticsearch, clickhouse].filter(({ store }) =>
    (options.stores ?? ['POSTGRES', 'MONGODB']).includes(store),
  );
  const proofs = new FakeProofs();
  const logged: Record<string, unknown>[] = [];
  const harness = {
    postgres,
    mongodb,
    elasticsearch,
    clickhouse,
    ledgers,
    audit,
    proofs,
    logged,
    readiness: { ready: true, reasons: [] } as Readiness,
    health: [] as StoreHealth[],
    figures: new Map<string, PipelineFigures>(),
    liveness: [],
    accepted: new Map<number, bigint>(),
    monotonic: 0,
  };
  let ids = 0;
  const app: App = await createApp({
    config: configOf(options),
    readers: new Map(stores.map((store) => [store.store, store] as const)),
    search: stores.includes(elasticsearch) ? elasticsearch : null,
    stats: new Map(
      stores
        .filter((store) => store === postgres || store === clickhouse)
        .map((store) => [store.store, store] as const),
    ),
    deadLetters: ledgers,
    desk: ledgers,
    events: options.log?.events ?? ledgers,
    history: ledgers,
    listen: options.log?.listen ?? ((channel, told) => ledgers.listen(channel, told)),
    audit,
    reprocessing: audit,
    locateEvents: (ids) => ledgers.locate(ids),
    proofs,
    storeStatuses: async () => harness.health,
    pipelineFigures: (pipeline) => harness.figures.get(pipeline) ?? null,
    liveness: () => harness.liveness,
    accepted: () => harness.accepted,
    readiness: async () => harness.readiness,
    decisionTable: options.decisionTable ?? [],
    registry: new Registry(),
    logger: loggerInto(logged),
    version: '0.0.0-test',
    monotonicMs: options.monotonicMs ?? (() => harness.monotonic),
    newId: () => `id-${++ids}`,
    ...(options.faults === undefined ? {} : { faults: options.faults }),
    ...(options.kinds === undefined ? {} : { kinds: options.kinds }),
  });
  const { url } = await app.listen();
  const post = (path: string, body: string, headers: Record<string, string>): Promise<Answered> =>
    ask(url + path, { method: 'POST', body, headers });
  return Object.assign(harness, {
    url,
    post,
    query: (query: string, variables: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
      post('/graphql', JSON.stringify({ query, variables }), { 'content-type': 'application/json', ...headers }),
    get: (path: string, headers: Record<string, string> = {}) => ask(url + path, { headers }),
    close: () => app.close(),
  });
}

export const configOf = (options: HarnessOptions): ServerConfig => ({
  host: '127.0.0.1',
  port: 0,
  limits: { ...DEFAULT_LIMITS, ...options.limits },
  bounds: { pipelineSilentMs: 10_000, staleMs: 5_000 },
  ...options.config,
});

const loggerInto = (lines: Record<string, unknown>[]): Logger =>
  pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) });

async function ask(url: string, init: RequestInit): Promise<Answered> {
  const response = await fetch(url, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: parse(text) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
