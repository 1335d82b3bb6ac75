/** Flink's two processes, from the jars of Maven's repositories: the scripts that usually start them are not there. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ComponentSpec } from '../process/component.js';
import { FLINK_JOBMANAGER_JVM, FLINK_SETTINGS, FLINK_TASKMANAGER_JVM, FLINK_TASKMANAGER_MEMORY } from '../settings.js';
import type { ServerContext } from './context.js';
import { writeLogging } from './java.js';

export const flinkUrl = (port: number): string => `http://127.0.0.1:${port}`;

/** Where the job keeps its state: it survives every process. */
export const checkpointFolder = (flinkFolder: string): string => join(flinkFolder, 'checkpoints');

/** A dozen lines per checkpoint, and one is taken each second; REST shows the same. */
const QUIET = {
  'org.apache.flink.runtime.checkpoint': 'WARN',
  'org.apache.flink.connector.kafka': 'WARN',
  'org.apache.kafka': 'WARN',
  // Each transaction's committer registers the same name again.
  'org.apache.flink.metrics.MetricGroup': 'ERROR',
  'org.apache.flink.runtime.metrics': 'ERROR',
} as const;

interface Process {
  readonly name: 'jobmanager' | 'taskmanager';
  readonly main: string;
  readonly args: readonly string[];
  readonly jvm: readonly string[];
  readonly isReady: () => Promise<boolean>;
  /** Of one life of it. */
  readonly settings: () => Readonly<Record<string, string>>;
}

/** REST, web UI, and whoever decides when a checkpoint is taken. */
export function jobmanagerSpec(context: ServerContext, java: string, lib: string): ComponentSpec {
  return specOf(context, java, lib, {
    name: 'jobmanager',
    main: 'org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint',
    args: ['--executionMode', 'cluster'],
    jvm: FLINK_JOBMANAGER_JVM,
    isReady: async () => (await ask(context, '/overview')) !== null,
    settings: () => ({}),
  });
}

/** Where the job runs. It looks for the JobManager by itself, so it may start beside it. */
export function taskmanagerSpec(context: ServerContext, java: string, lib: string): ComponentSpec {
  let life = 0;
  const id = (): string => `taskmanager-${process.pid}-${life}`;
  return specOf(context, java, lib, {
    name: 'taskmanager',
    main: 'org.apache.flink.runtime.taskexecutor.TaskManagerRunner',
    args: [],
    jvm: FLINK_TASKMANAGER_JVM,
    // The one before is listed until its heartbeat times out.
    isReady: async () =>
      (await ask<{ taskmanagers: { id: string }[] }>(context, '/taskmanagers'))?.taskmanagers.some(
        (one) => one.id === id(),
      ) === true,
    settings: () => {
      life += 1;
      return { ...FLINK_TASKMANAGER_MEMORY, 'taskmanager.resource-id': id() };
    },
  });
}

function specOf(context: ServerContext, java: string, lib: string, wanted: Process): ComponentSpec {
  const { name, main, args, jvm, isReady, settings } = wanted;
  const folder = join(context.folder('flink'), name);
  const temporary = join(folder, 'tmp');
  const logging = `-Dlog4j2.configurationFile=${join(folder, 'log4j2.properties')}`;
  return {
    name,
    command: java,
    args: [...jvm, logging, '-cp', join(lib, '*'), main, '--configDir', folder, ...args],
    env: context.env,
    cwd: context.folder('flink'),
    log: context.log(name),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 20_000,
    readyTimeoutMs: 300_000,
    isReady,
    beforeSpawn: () => {
      // What a killed life has left there is of no use to the next.
      rmSync(temporary, { recursive: true, force: true });
      mkdirSync(temporary, { recursive: true });
      writeLogging(folder, QUIET);
      const own = { ...FLINK_SETTINGS, ...addresses(context), ...settings(), 'io.tmp.dirs': temporary };
      writeFileSync(join(folder, 'config.yaml'), yaml(own));
    },
  };
}

/** On this machine alone: who reaches the REST interface may run code. */
function addresses(context: ServerContext): Record<string, string> {
  const { flink, flinkRpc } = context.ports;
  const checkpoints = `file://${checkpointFolder(context.folder('flink'))}`;
  return {
    'jobmanager.rpc.address': '127.0.0.1',
    'jobmanager.bind-host': '127.0.0.1',
    'jobmanager.rpc.port': String(flinkRpc),
    'rest.address': '127.0.0.1',
    'rest.bind-address': '127.0.0.1',
    'rest.port': String(flink),
    'rest.bind-port': String(flink),
    'taskmanager.host': '127.0.0.1',
    'taskmanager.bind-host': '127.0.0.1',
    'execution.checkpointing.dir': checkpoints,
    'execution.checkpointing.savepoint-dir': `${checkpoints}/savepoints`,
  };
}

/** Quoted, because `on` and `1.0` would be something else than texts. */
const yaml = (settings: Readonly<Record<string, string>>): string =>
  Object.entries(settings)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
    .join('');

/** null: no answer. */
async function ask<T = unknown>(context: ServerContext, path: string): Promise<T | null> {
  const answer = await fetch(`${flinkUrl(context.ports.flink)}${path}`, { signal: AbortSignal.timeout(2_000) });
  return answer.ok ? ((await answer.json()) as T) : null;
}
