/**
 * Environment → one frozen, validated Config. The only reader of process.env in the server; docs/CONFIG.md is made from
 * this schema (`npx tidemark config --markdown`).
 */
import { z } from 'zod';
import { AppError } from './errors.js';

const integer = (low: number, high: number) => z.coerce.number().int().min(low).max(high);
const url = (scheme: RegExp, example: string) => z.string().regex(scheme, `must look like ${example}`);
const brokers = z
  .string()
  .transform((value) => value.split(',').map((broker) => broker.trim()))
  .pipe(z.array(z.string().regex(/^[^:\s]+:\d{1,5}$/, 'must be host:port, separated by commas')).min(1));

const decimal = z.string().regex(/^[0-9]{1,20}(\.[0-9]{1,18})?$/, 'must be a decimal number');

/** Every variable: its rule, its default, and what it means. `secret` values are never printed. */
export const VARIABLES = {
  KAFKA_BROKERS: {
    schema: brokers,
    default: '127.0.0.1:4092',
    about: 'Kafka brokers, `host:port`, separated by commas.',
  },
  POSTGRES_URL: {
    schema: url(/^postgres(ql)?:\/\//, 'postgres://user:password@host:5432/tidemark'),
    default: undefined,
    secret: true,
    about: 'The source of truth. Its user must own the database `tidemark`.',
  },
  MONGODB_URL: {
    schema: url(/^mongodb(\+srv)?:\/\//, 'mongodb://host:27017/?replicaSet=rs0'),
    default: undefined,
    secret: true,
    about: 'The MongoDB read model: a replica set.',
  },
  MONGODB_DATABASE: {
    schema: z.string().regex(/^[A-Za-z0-9_-]{1,63}$/),
    default: 'tidemark',
    about: 'Database of the MongoDB read model.',
  },
  ELASTICSEARCH_URL: {
    schema: url(/^https?:\/\//, 'http://host:9200'),
    default: undefined,
    optional: true,
    secret: true,
    about: 'The Elasticsearch read model, and search. Not set: the store is left out.',
  },
  CLICKHOUSE_URL: {
    schema: url(/^https?:\/\//, 'http://user:password@host:8123'),
    default: 'http://127.0.0.1:4023',
    secret: true,
    about: 'The ClickHouse read model, statistics and the raw log: its HTTP interface.',
  },
  CLICKHOUSE_DATABASE: {
    schema: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/),
    default: 'tidemark',
    about: 'Database in ClickHouse, of engine Atomic; made if it is missing.',
  },
  RAW_RETENTION_DAYS: {
    schema: integer(1, 3_650),
    default: '7',
    about: 'Days that the raw log in ClickHouse keeps source events, from their append time.',
  },
  CONNECT_URL: {
    schema: url(/^https?:\/\//, 'http://host:8083'),
    default: 'http://127.0.0.1:4083',
    about: "Kafka Connect's REST address: shown in health, never believed as proof of flow.",
  },
  CONNECTOR_NAME: {
    schema: z.string().min(1),
    default: 'tidemark-commit-log',
    about: 'The Debezium connector that publishes the commit log.',
  },
  REPLICATION_SLOT: {
    schema: z.string().regex(/^[a-z0-9_]{1,63}$/),
    default: 'tidemark_commit_log',
    about: "The connector's replication slot: watched, so that a lost or unread one is told of.",
  },
  LAB_URL: {
    schema: url(/^http:\/\/(127\.0\.0\.1|localhost):\d+\//, 'http://127.0.0.1:40000/secret'),
    default: undefined,
    optional: true,
    secret: true,
    about:
      'Lab mode: where faults are broken and mended; `npm start -- --lab` sets it. Without it the API has no `faults`, `injectFault` and `healFault`.',
  },
  FLINK_REST_URL: {
    schema: url(/^https?:\/\//, 'http://host:8081'),
    default: undefined,
    optional: true,
    secret: true,
    about:
      "Flink's REST interface: figures of the job, for display and alarms. Not set, or down: they are unknown or stay as they were; no claim rests on them.",
  },
  FLINK_GROUP: {
    schema: z.string().min(1),
    default: 'tidemark-flink',
    about: "Kafka consumer group of the Flink job's source: what it has committed says how far `sourceAsOf` is.",
  },
  TIDEMARK_HOST: {
    schema: z.string().min(1),
    default: '127.0.0.1',
    about: 'Address to listen on. Another than loopback needs TIDEMARK_TOKEN.',
  },
  TIDEMARK_PORT: { schema: integer(0, 65_535), default: '4000', about: 'Port to listen on; 0 picks a free one.' },
  TIDEMARK_TOKEN: {
    schema: z.string().min(16, 'must have at least 16 characters'),
    default: undefined,
    optional: true,
    secret: true,
    about: 'Bearer token that clients must send. Not set: none is asked for, and only loopback is allowed.',
  },
  CORS_ORIGINS: {
    schema: z
      .string()
      .transform((value) => value.split(',').map((origin) => origin.trim()))
      .pipe(z.array(z.string().regex(/^https?:\/\/[^/?#*\s]+$/, 'must be origins such as https://app.example.com'))),
    default: undefined,
    optional: true,
    about:
      'Origins, comma-separated, whose pages may ask this server from a browser (CORS): `https://app.example.com`. Not set: none but its own.',
  },
  TIDEMARK_GROUP: {
    schema: z.string().min(1),
    default: 'tidemark',
    about: "Prefix of the server's Kafka consumer groups. Servers of one database share it.",
  },
  LOG_LEVEL: {
    schema: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    default: 'info',
    about: 'Verbosity of the log.',
  },
  TRACE_URL: {
    schema: url(/^https?:\/\//, 'http://host:4318/v1/traces'),
    default: undefined,
    optional: true,
    secret: true,
    about: 'Where traces are sent: an OpenTelemetry collector, OTLP over HTTP. Not set: there are none.',
  },
  TRACE_RATIO: {
    schema: z.coerce.number().min(0).max(1),
    default: '1',
    about:
      'The share of traces that are kept of those that begin here, 0 to 1; one that a request brings goes on as it says.',
  },
  INGEST_CONCURRENCY: {
    schema: integer(1, 64),
    default: '4',
    about: 'Result partitions worked on at once; each holds one Postgres connection.',
  },
  INGEST_MAX_BYTES: {
    schema: integer(1_024, 67_108_864),
    default: '1048576',
    about: 'Bytes fetched per result partition and batch: the bound of ingest memory.',
  },
  POSTGRES_POOL: {
    schema: integer(2, 200),
    default: '10',
    about: 'Connections for reads: so many results are read from Postgres at once, whatever fails elsewhere.',
  },
  POSTGRES_QUEUE: {
    schema: integer(1, 10_000),
    default: '40',
    about: 'Reads of results that wait for their turn at Postgres; half of it for reads in place of another store.',
  },
  HEARTBEAT_MS: {
    schema: integer(50, 250),
    default: '200',
    about: 'After so long without a commit an empty one is made: idle becomes visible. Milliseconds.',
  },
  PIPELINE_SILENT_MS: {
    schema: integer(1_000, 3_600_000),
    default: '10000',
    about: 'A pipeline without a heartbeat for so long has stopped: its open results are LOW. Milliseconds.',
  },
  STALE_MS: {
    schema: integer(100, 3_600_000),
    default: '5000',
    about: 'An answer of a read model that may be older than this is marked stale. Milliseconds.',
  },
  PROOF_TIMEOUT_MS: {
    schema: integer(50, 900),
    default: '500',
    about: 'How long a request waits for the proof before it is answered without. Milliseconds.',
  },
  PROOF_HORIZON: {
    schema: integer(1_000, 1_000_000),
    default: '50000',
    about: 'Positions that the proof remembers changes for. A store further behind than that is unknown.',
  },
  PROOF_KEYS: {
    schema: integer(1_000, 5_000_000),
    default: '500000',
    about: 'Changed keys that the proof remembers at most.',
  },
  COMMIT_LOG_KEEP: {
    schema: integer(1_000, 10_000_000),
    default: '50000',
    about: 'Positions of the commit log that are kept below every applied position.',
  },
  COMMIT_LOG_MOST: {
    schema: integer(10_000, 100_000_000),
    default: '2000000',
    about: 'Positions of the commit log that are kept at most: a store further behind is rebuilt.',
  },
  RESULTS_RETENTION_HOURS: {
    schema: integer(1, 87_600),
    default: '168',
    about: 'Hours that a result lives after its last change, in every store. What has expired does not come back.',
  },
  RETENTION_DAYS: {
    schema: integer(1, 3_650),
    default: '14',
    about:
      'Days that refusals, closed dead letters and staleness events are kept. Who goes on from an older event is told of the gap.',
  },
  AUDIT_EVERY_MS: {
    schema: integer(0, 3_600_000),
    default: '0',
    about:
      'Pause between two buckets of the audit, which holds each read model against Postgres and repairs what differs; of all servers one audits a store. 0: this server does not. Milliseconds.',
  },
  AUDIT_ROWS: {
    schema: integer(1, 5_000),
    default: '500',
    about: 'Results of one read model that one bucket of the audit compares.',
  },
  REPROCESSING: {
    schema: z.enum(['on', 'off']),
    default: 'on',
    about: 'Whether this server recomputes results that are LOW from the source. Any number of servers may.',
  },
  REPROCESSING_EVERY_MS: {
    schema: integer(100, 3_600_000),
    default: '1000',
    about: 'Pause between two rounds of reprocessing; each reads the source once. Milliseconds.',
  },
  REPROCESSING_BATCH: {
    schema: integer(1, 50_000),
    default: '5000',
    about: 'Results that are recomputed in one round.',
  },
  WINDOW_MS: {
    schema: integer(1_000, 86_400_000),
    default: '300000',
    about: 'Length of a window. This and the following must be what the processors have.',
  },
  WATERMARK_DELAY_MS: {
    schema: integer(0, 86_400_000),
    default: '10000',
    about: 'How far the watermark is behind the newest event.',
  },
  ALLOWED_LATENESS_MS: {
    schema: integer(0, 86_400_000),
    default: '60000',
    about: 'How long a window stays open for late events.',
  },
  POISON_SKEW_MS: {
    schema: integer(0, 86_400_000),
    default: '60000',
    about: 'How far an undecodable event may lie in the future of its append time.',
  },
  LARGE_ORDER_QUANTITY: {
    schema: integer(1, 1_000_000_000),
    default: '500',
    about: 'An order of more is a LARGE_ORDER.',
  },
  HIGH_AMOUNT: { schema: decimal, default: '100000000', about: 'An order of a larger amount is a HIGH_AMOUNT.' },
  PRICE_SPIKE_PERCENT: {
    schema: decimal,
    default: '5',
    about: 'A price so far from the one before it is a PRICE_SPIKE.',
  },
  RAPID_ORDERS: {
    schema: integer(1, 1_000),
    default: '4',
    about: 'An order with so many predecessors shortly before it is one of RAPID_ORDERS.',
  },
  RAPID_WINDOW_MS: { schema: integer(1, 86_400_000), default: '10000', about: 'How far RAPID_ORDERS looks back.' },
  REQUEST_TIMEOUT_MS: {
    schema: integer(100, 120_000),
    default: '10000',
    about: 'A request that takes longer is answered with an error. Milliseconds.',
  },
  MAX_BODY_BYTES: { schema: integer(1_024, 10_485_760), default: '102400', about: 'Largest request body.' },
  SUBSCRIPTION_CONNECTIONS: {
    schema: integer(1, 1_000_000),
    default: '1000',
    about: 'WebSockets and event streams that may be open at once.',
  },
  SUBSCRIPTION_CONNECTIONS_PER_CALLER: {
    schema: integer(1, 1_000_000),
    default: '100',
    about: 'Of these, by one address.',
  },
  SUBSCRIPTIONS_PER_CONNECTION: {
    schema: integer(1, 10_000),
    default: '50',
    about: 'Operations under way on one WebSocket.',
  },
  SUBSCRIPTION_BUFFER: {
    schema: integer(100, 1_000_000),
    default: '5000',
    about:
      'Staleness events kept in memory for all subscribers together; who is further behind is served from Postgres.',
  },
  SUBSCRIPTION_SLOW_MS: {
    schema: integer(100, 600_000),
    default: '10000',
    about:
      'A subscriber that takes no message for so long, or falls behind the buffer for so long, is cut (close code 4430). Milliseconds.',
  },
  DRAIN_TIMEOUT_MS: {
    schema: integer(500, 120_000),
    default: '8000',
    about: 'Shutdown takes at most so long: what is still running then is rolled back. Milliseconds.',
  },
} as const satisfies Record<
  string,
  { schema: z.ZodType; default: string | undefined; optional?: true; secret?: true; about: string }
>;

type Variables = typeof VARIABLES;
type Optional<K extends keyof Variables> = Variables[K] extends { optional: true } ? true : false;
export type Config = {
  readonly [K in keyof Variables]: Optional<K> extends true
    ? z.infer<Variables[K]['schema']> | undefined
    : z.infer<Variables[K]['schema']>;
};

const invalid = (name: string, why: string): AppError =>
  new AppError('CONFIG_INVALID', `${name} ${why}.`, { retryable: false, outcome: 'none' });

function read(name: keyof Variables, environment: Readonly<Record<string, string | undefined>>): unknown {
  const variable: { schema: z.ZodType; default: string | undefined; optional?: true; about: string } = VARIABLES[name];
  // An empty variable is one that is not set: that is how shells and compose files leave things out.
  const given = environment[name] === '' ? undefined : environment[name];
  const value = given ?? variable.default;
  if (value === undefined) {
    if (variable.optional === true) return undefined;
    throw invalid(name, `is not set: ${variable.about}`);
  }
  const parsed = variable.schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(name, `is not usable: ${parsed.error.issues[0]?.message ?? 'invalid'}`);
}

/** What the lab puts bugs into servers with (lab/bugs); its loader takes the variable away, so that nobody else starts with it. */
const SEEDED_BUG = 'TIDEMARK_SEEDED_BUG';

/** @throws AppError CONFIG_INVALID, naming the first variable that stops the start */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  if (environment[SEEDED_BUG] !== undefined) throw invalid(SEEDED_BUG, 'is for the lab alone: take it away');
  const names = Object.keys(VARIABLES) as (keyof Variables)[];
  const config = Object.fromEntries(names.map((name) => [name, read(name, environment)])) as unknown as Config;
  return Object.freeze(config);
}

export const environmentConfig = (): Config => loadConfig(process.env);

const limits = (name: keyof Variables): string => {
  const variable: { default: string | undefined; optional?: true } = VARIABLES[name];
  return variable.default ?? (variable.optional === true ? '–' : '**required**');
};

/** docs/CONFIG.md, made from the one schema. */
export function configMarkdown(): string {
  const rows = (Object.keys(VARIABLES) as (keyof Variables)[]).map(
    (name) => `| \`${name}\` | ${limits(name)} | ${VARIABLES[name].about} |`,
  );
  return [
    '# Configuration of the server',
    '',
    'Made from `src/config.ts` by `npx tidemark config --markdown`; a test compares. An unusable value stops the start with the',
    "variable's name.",
    '',
    '| variable | default | meaning |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
