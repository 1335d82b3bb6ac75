import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from './errors.js';
import { REPOSITORY } from './paths.js';
import type { ComponentSpec } from './process/component.js';
import { builtPrograms } from './programs.mjs';
import type { ServerContext } from './servers/context.js';

export const APP_NAMES = ['processor', 'generator', 'server'] as const;
export type AppName = (typeof APP_NAMES)[number];

/** What a test or a person changes about one of our own programs. */
export interface AppOverride {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What node runs instead of the program as it was built. */
  readonly program?: readonly string[];
}

export interface Addresses {
  readonly kafkaBrokers: string;
  readonly connectUrl: string;
  readonly postgresUrl: string;
  readonly mongodbUrl: string;
  readonly elasticsearchUrl: string;
  readonly clickhouseUrl: string;
  /** Not there: a stack without Flink. */
  readonly flinkUrl?: string;
  readonly serverUrl: string;
}

const FILES: Readonly<Record<AppName, string>> = {
  processor: 'processing/kafka-only/main.ts',
  generator: 'generator/main.ts',
  server: 'src/main.ts',
};

const ARGUMENTS: Readonly<Record<AppName, readonly string[]>> = {
  processor: [],
  // It backfills only while the topic is empty, so that there is something to see in the first minute.
  // Few enough that a night of them, in four stores, stays small (docs/OPERATIONS.md).
  generator: ['--backfill-minutes', '60', '--rate', '5'],
  server: [],
};

export function appFile(name: AppName): string {
  return join(REPOSITORY, FILES[name]);
}

export function appExists(name: AppName): boolean {
  return existsSync(appFile(name));
}

/**
 * MB. Of a machine with much memory V8 lets garbage grow to gigabytes, and then takes seconds to collect it: in a soak 3.3 GB
 * beside 360 MB in use. What the server holds at most (compiled documents, the proof's horizon, fetched batches) is far less.
 * What NODE_OPTIONS says already, stands.
 */
const HEAP_MB = 1_024;

/** What node is told to run a program as its sources are now: compiled ahead, which starts sooner. */
export function builtProgram(name: string): string[] {
  try {
    return ['--enable-source-maps', join(builtPrograms(), `${name}.js`)];
  } catch (error) {
    throw new StackError(
      'STACK_BUILD_FAILED',
      `${error instanceof Error ? error.message : String(error)} Mend what it names, then run the same command again.`,
      { cause: error },
    );
  }
}

/** The same where nothing can be written: each file is compiled as it is loaded. */
export const sourceProgram = (name: AppName): string[] => ['--import', 'tsx', appFile(name)];

/** One of our own programs. */
export function appSpec(
  context: ServerContext,
  name: AppName,
  addresses: Addresses,
  override: AppOverride = {},
  program: (name: AppName) => string[] = builtProgram,
): ComponentSpec {
  return {
    name,
    command: process.execPath,
    args: [...(override.program ?? program(name)), ...(override.args ?? ARGUMENTS[name])],
    env: { ...context.env, ...environmentOf(context, name, addresses), ...override.env },
    cwd: REPOSITORY,
    log: context.log(name),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 15_000,
    // A cold start beside a full machine takes more than a minute.
    readyTimeoutMs: 180_000,
    isReady: name === 'server' ? () => isServing(addresses.serverUrl) : () => Promise.resolve(true),
  };
}

function environmentOf(context: ServerContext, name: AppName, addresses: Addresses): Record<string, string> {
  const { kafkaBrokers, postgresUrl, mongodbUrl, elasticsearchUrl, clickhouseUrl, connectUrl, flinkUrl } = addresses;
  switch (name) {
    case 'processor':
      return { KAFKA_BROKERS: kafkaBrokers, PROCESSOR_STATE_DIR: context.folder('processor') };
    case 'generator':
      return { KAFKA_BROKERS: kafkaBrokers };
    case 'server':
      return {
        NODE_OPTIONS: context.env['NODE_OPTIONS'] ?? `--max-old-space-size=${HEAP_MB}`,
        KAFKA_BROKERS: kafkaBrokers,
        POSTGRES_URL: postgresUrl,
        MONGODB_URL: mongodbUrl,
        ELASTICSEARCH_URL: elasticsearchUrl,
        CLICKHOUSE_URL: clickhouseUrl,
        CONNECT_URL: connectUrl,
        ...(flinkUrl === undefined ? {} : { FLINK_REST_URL: flinkUrl }),
        TIDEMARK_HOST: '127.0.0.1',
        TIDEMARK_PORT: String(context.ports.server),
      };
  }
}

async function isServing(url: string): Promise<boolean> {
  return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) })).status === 200;
}
