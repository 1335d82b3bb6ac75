/** What the server needs to be told. Nothing here reads the environment. */
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Bounds } from '../contract/assess.js';
import type { ProofSource } from '../contract/proof-port.js';
import type { FaultDesk } from '../lab/port.js';
import type { DecisionRow, EventLocator, LivenessStatus, PipelineFigures, StoreHealth } from '../resolvers/context.js';
import type { KindClass } from '../schema/result-kind.js';
import type { AuditReader, ReprocessingDesk } from '../stores/audit-port.js';
import type {
  DeadLetterDesk,
  DeadLetterReader,
  EventReader,
  HistoryReader,
  ResultReader,
  SearchReader,
  StatsReader,
} from '../stores/port.js';
import type { Traces } from '../tracing/traces.js';
import type { Store } from '../words.js';

export interface ServerLimits {
  readonly bodyBytes: number;
  /** Lexical tokens of a document. */
  readonly tokens: number;
  readonly depth: number;
  readonly aliases: number;
  readonly directives: number;
  /** Values that one request may ask for. */
  readonly cost: number;
  readonly pageSize: number;
  /** Fields of compiled documents kept, of all documents together: each takes about 2.5 kB. */
  readonly compiledFields: number;
  readonly requestMs: number;
  readonly proofMs: number;
  readonly readMs: number;
  /** One field, with all stores that had to stand in for another. */
  readonly answerMs: number;
  /** How long requests under way may go on after `close`. */
  readonly drainMs: number;
  /** A store that failed is not asked first again before this. */
  readonly storeCooldownMs: number;
  /** Reads of Postgres at once, by all requests. */
  readonly postgresReads: number;
  /** Reads of Postgres that wait for their turn. */
  readonly postgresQueue: number;
  /** A store that requests wait for is looked at so often, however many wait. */
  readonly watchEveryMs: number;
  readonly subscriptions: SubscriptionLimits;
}

/** Of subscriptions: they stay, so all that they take is bounded. */
export interface SubscriptionLimits {
  /** WebSockets and event streams at once. */
  readonly connections: number;
  /** Of these, by one address. */
  readonly perCaller: number;
  /** Operations under way on one WebSocket. */
  readonly perConnection: number;
  /** Events kept in memory, for all subscribers together. */
  readonly buffer: number;
  /** A subscriber that does not take a message for so long, or is behind the buffer for so long, is cut. Milliseconds. */
  readonly slowMs: number;
  /** Bytes that may wait in one WebSocket. */
  readonly buffered: number;
  /** A WebSocket that says nothing is asked so often whether it is still there. Milliseconds. */
  readonly keepAliveMs: number;
}

export const DEFAULT_LIMITS: ServerLimits = {
  bodyBytes: 100_000,
  tokens: 2000,
  depth: 10,
  aliases: 30,
  directives: 20,
  cost: 100_000,
  pageSize: 500,
  compiledFields: 40_000,
  requestMs: 5000,
  proofMs: 400,
  readMs: 500,
  answerMs: 900,
  drainMs: 5000,
  storeCooldownMs: 1000,
  postgresReads: 10,
  postgresQueue: 40,
  watchEveryMs: 25,
  subscriptions: {
    connections: 1_000,
    perCaller: 100,
    perConnection: 50,
    buffer: 5_000,
    slowMs: 10_000,
    buffered: 4_194_304,
    keepAliveMs: 12_000,
  },
};

export interface ServerConfig {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Required for an address other than loopback; then everything but the health checks asks for it. */
  readonly token?: string;
  /** Origins whose pages may ask from a browser. */
  readonly corsOrigins?: readonly string[];
  /** Of the console as built, which may be done later. Left out: of this clone. */
  readonly consoleFolder?: string;
  readonly limits: ServerLimits;
  readonly bounds: Bounds;
}

export interface Readiness {
  readonly ready: boolean;
  /** Why not, in sentences; empty when ready. */
  readonly reasons: readonly string[];
}

export interface AppDeps {
  readonly config: ServerConfig;
  readonly readers: ReadonlyMap<Store, ResultReader>;
  /** null: this server has no Elasticsearch. */
  readonly search: SearchReader | null;
  readonly stats: ReadonlyMap<Store, StatsReader>;
  readonly deadLetters: DeadLetterReader;
  readonly desk: DeadLetterDesk;
  readonly events: EventReader;
  readonly history: HistoryReader;
  readonly audit: AuditReader;
  readonly reprocessing: ReprocessingDesk;
  /** Lab mode; left out: it is off, and absent from the schema. */
  readonly faults?: FaultDesk;
  /** Calls back when there may be new events, or changed results (position/channels.ts). */
  readonly listen: (channel: string, told: () => void) => { stop(): Promise<void> };
  readonly locateEvents: EventLocator;
  readonly proofs: ProofSource;
  readonly storeStatuses: () => Promise<readonly StoreHealth[]>;
  readonly pipelineFigures: (pipeline: string) => PipelineFigures | null;
  /** As it was seen last. */
  readonly liveness: () => readonly LivenessStatus[];
  /** Of the FLINK pipeline: source partition → next offset; everything below is counted, and accepted. */
  readonly accepted: () => ReadonlyMap<number, bigint>;
  readonly readiness: () => Promise<Readiness>;
  readonly decisionTable: readonly DecisionRow[];
  readonly registry: Registry;
  readonly logger: Logger;
  /** Left out: no traces. */
  readonly traces?: Pick<Traces, 'request'> | undefined;
  readonly version: string;
  /** Milliseconds of a clock that never steps: `() => performance.now()`. */
  readonly monotonicMs: () => number;
  /** A new identifier for the log: `randomUUID`. */
  readonly newId: () => string;
  /** Default: all of schema/kinds. */
  readonly kinds?: readonly KindClass[];
}
