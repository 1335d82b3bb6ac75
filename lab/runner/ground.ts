/** What a run takes place on: servers of its own, and the faults that they can be hit by. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sourceProgram } from '../../stack/apps.js';
import type { Component } from '../../stack/process/component.js';
import { startStack, type TestStack } from '../../test/harness/stack.js';
import { bugEnvironment, type Bug } from '../bugs/bugs.js';
import { clockEnvironment } from '../faults/clock-offset.js';
import { catalogue, labCatalogue, type Fault } from '../faults/index.js';
import { openLink, type Link } from '../faults/link.js';
import { startSecondServer } from '../soak/second-server.js';

export interface Ground {
  readonly stack: TestStack;
  /** GraphQL addresses. */
  readonly servers: readonly [string, ...string[]];
  readonly faults: readonly Fault[];
  /** What has to run while no fault is on; the generator must have been started. */
  wanted(): readonly (readonly [name: string, component: Component])[];
  /** Ends the programs and keeps what they have written, so that whoever judges has the machine for himself. */
  quiesce(): Promise<void>;
  stop(): Promise<void>;
}

const PROGRAMS = ['processor', 'generator', 'server', 'connect', 'kafka', 'postgres'] as const;
const FLINK = ['jobmanager', 'taskmanager'] as const;
const STORES = ['mongodb', 'elasticsearch', 'clickhouse'] as const;
const LINKED = ['postgres', ...STORES] as const;
type Linked = (typeof LINKED)[number];

type Common = Pick<Ground, 'stack' | 'wanted' | 'quiesce'>;

function commonOf(stack: TestStack, second: Component): Common {
  const names = [...PROGRAMS, ...(stack.flink === undefined ? [] : FLINK), ...STORES];
  return {
    stack,
    wanted: () => [...names.map((name) => [name, stack.processes[name]] as const), ['second server', second]],
    quiesce: async () => {
      await second.stop();
      await Promise.all(names.map((name) => stack.processes[name].stop()));
    },
  };
}

/** Two servers of the same settings, and whatever programs can be hit by from outside. */
export async function plainGround(): Promise<Ground> {
  const stack = await startStack({ without: ['generator'], flink: {} });
  try {
    const second = await startSecondServer(stack);
    return {
      ...commonOf(stack, second.component),
      servers: [stack.graphqlUrl, second.graphqlUrl],
      faults: catalogue(stack),
      stop: async () => {
        await second.component.stop();
        await stack.stop();
      },
    };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

export interface GroundOptions {
  readonly flink: boolean;
  /** Put into both servers; the first one then has no clock that can be moved. */
  readonly bug?: Bug;
}

/**
 * Two servers, of which the first reaches its stores over links that can be cut and looks at a clock that can be moved, as does
 * the Kafka-only processor; the second one is left alone.
 */
export async function labGround(options: GroundOptions): Promise<Ground> {
  const work = mkdtempSync(join(tmpdir(), 'tidemark-lab-'));
  const clocks = { server: join(work, 'server-clock'), processor: join(work, 'processor-clock') };
  const links: Link[] = [];
  const end = async (): Promise<void> => {
    for (const link of links) await link.close();
    rmSync(work, { recursive: true, force: true });
  };
  const stack = await startStack({
    without: ['generator', 'server'],
    ...(options.flink && { flink: {} }),
    overrides: { processor: { env: clockEnvironment(clocks.processor) } },
  });
  try {
    const direct = addressesOf(stack);
    const linked = {} as Record<Linked, Link>;
    for (const name of LINKED) {
      linked[name] = await openLink({ port: Number(new URL(direct[name]).port) });
      links.push(linked[name]);
    }
    const env = environmentOf((name) => portOf(direct[name], linked[name].port));
    const seeded = options.bug === undefined ? null : bugEnvironment(options.bug, join(work, 'seeded'));
    const own = { REPROCESSING: 'off', ...env, ...(seeded ?? clockEnvironment(clocks.server)) };
    // Edits are made to sources as they are loaded: what was built has none.
    const program = seeded === null ? {} : { program: sourceProgram('server') };
    await stack.startApp('server', { env: own, ...program });
    if (options.bug !== undefined) requireBug(options.bug, join(work, 'seeded'));
    const other = { ...environmentOf((name) => direct[name]), NODE_OPTIONS: '', ...seeded };
    const second = await startSecondServer(stack, other);
    return {
      ...commonOf(stack, second.component),
      servers: [stack.graphqlUrl, second.graphqlUrl],
      faults: labCatalogue({ ...targetOf(stack), graphqlUrl: second.graphqlUrl, links: linked, clocks }),
      stop: async () => {
        await second.component.stop();
        await stack.stop();
        await end();
      },
    };
  } catch (error) {
    await stack.stop();
    await end();
    throw error;
  }
}

/** @throws Error when a server runs without what it was started with: then nothing that is found says anything */
function requireBug({ name, edits }: Bug, seen: string): void {
  let made: string[] = [];
  try {
    made = readFileSync(seen, 'utf8').trim().split('\n');
  } catch {
    // Not one.
  }
  if (made.length < edits.length) throw new Error(`the seeded bug ${name} is not in the server`);
}

const targetOf = ({ processes, connectUrl, postgresUrl, kafkaBrokers, flink }: TestStack) => ({
  ...{ processes, connectUrl, postgresUrl, kafkaBrokers },
  flink,
});

const addressesOf = (stack: TestStack): Record<Linked, string> => ({
  postgres: stack.postgresUrl,
  mongodb: stack.mongoUrl,
  elasticsearch: stack.elasticsearchUrl,
  clickhouse: stack.clickhouseUrl,
});

const environmentOf = (address: (name: Linked) => string): Record<string, string> => ({
  POSTGRES_URL: address('postgres'),
  MONGODB_URL: address('mongodb'),
  ELASTICSEARCH_URL: address('elasticsearch'),
  CLICKHOUSE_URL: address('clickhouse'),
});

/** The same address by another port. A client of MongoDB asks its server where the members are, and would go around the link. */
function portOf(address: string, port: number): string {
  const url = new URL(address);
  url.port = String(port);
  if (url.protocol === 'mongodb:') url.search = '?directConnection=true';
  return url.href;
}
