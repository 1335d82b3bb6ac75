import { APP_NAMES, type AppName, type AppOverride } from '../../stack/apps.js';
import { stackIdOf } from '../../stack/paths.js';
import type { JobControl } from '../../stack/flink/control.js';
import { handlesOf } from '../../stack/handles.js';
import type { Component, ComponentName } from '../../stack/process/component.js';
import { processesOf, type FoundProcess } from '../../stack/process/identify.js';
import { linesOn } from '../../stack/progress.js';
import { Stack } from '../../stack/stack.js';
import { killAtExit } from './kill-at-exit.js';
import { makeSandbox } from './sandbox.js';

export interface TestStackOptions {
  /** Programs that the test starts itself later, or not at all. */
  readonly without?: readonly AppName[];
  /** Also Flink and its job; without it a stack starts sooner. */
  readonly flink?: { readonly job?: Readonly<Record<string, string>> };
  readonly overrides?: Readonly<Partial<Record<AppName, AppOverride>>>;
  /** As `npm start`: what is in doubt is recomputed. Without it a test finds what it did to a result as it left it. */
  readonly reprocessing?: boolean;
  readonly postgresSettings?: Readonly<Record<string, string>>;
}

export interface TestStack {
  readonly kafkaBrokers: string;
  readonly postgresUrl: string;
  readonly mongoUrl: string;
  readonly elasticsearchUrl: string;
  readonly clickhouseUrl: string;
  readonly connectUrl: string;
  readonly serverUrl: string;
  readonly graphqlUrl: string;
  readonly dataFolder: string;
  readonly logFolder: string;
  /** kill9(), crash() (comes back by itself), restart(), stop(), start(), sigstop(), sigcont(), pid. */
  readonly processes: Readonly<Record<ComponentName, Component>>;
  /** Its Flink job, if it was asked for one. */
  readonly flink?: JobControl | undefined;
  /** Starts a program that was left out. */
  startApp(name: AppName, override?: AppOverride): Promise<void>;
  living(): FoundProcess[];
  /** What the launcher said, supervision included. */
  readonly notes: readonly string[];
  /** Ends everything and removes the data; throws if a process had to be ended by force. */
  stop(): Promise<void>;
}

/** A whole private stack of real servers on free ports, from the same code as `npm start`. */
export async function startStack(options: TestStackOptions = {}): Promise<TestStack> {
  const sandbox = await makeSandbox('stack');
  const notes: string[] = [];
  const stack = new Stack({
    paths: sandbox.paths,
    ports: sandbox.ports,
    env: sandbox.env,
    progress: linesOn((line) => notes.push(line)),
    apps: APP_NAMES.filter((name) => !options.without?.includes(name)),
    ...(options.flink && { flink: options.flink }),
    overrides: { ...options.overrides, server: serverOf(options) },
    postgresSettings: { fsync: 'off', ...options.postgresSettings },
  });
  stack.onComponent = (component) => killAtExit(component);
  await stack.start();
  const { kafkaBrokers, postgresUrl, mongodbUrl, elasticsearchUrl, clickhouseUrl, connectUrl, serverUrl } =
    stack.addresses;
  const living = (): FoundProcess[] => processesOf(stackIdOf(sandbox.paths.data));
  return {
    kafkaBrokers,
    postgresUrl,
    mongoUrl: mongodbUrl,
    elasticsearchUrl,
    clickhouseUrl,
    connectUrl,
    serverUrl,
    graphqlUrl: `${serverUrl}/graphql`,
    dataFolder: sandbox.paths.data,
    logFolder: sandbox.paths.logs,
    processes: handlesOf(stack),
    flink: stack.flink,
    startApp: (name, override) => stack.startApp(name, override),
    living,
    notes,
    stop: async () => {
      const forced = await stack.stop();
      sandbox.remove();
      if (forced.length > 0) throw new Error(`These outlived the stop and were ended by force: ${forced.join(', ')}`);
    },
  };
}

function serverOf({ overrides, reprocessing = false }: TestStackOptions): AppOverride {
  const { server } = overrides ?? {};
  // What a test does to a store stays as it left it, unless it asks for the auditor.
  const quiet = { AUDIT_EVERY_MS: '0', ...(reprocessing ? {} : { REPROCESSING: 'off' }) };
  return { ...server, env: { ...quiet, ...server?.env } };
}
