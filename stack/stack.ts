import { mkdirSync } from 'node:fs';
import { APP_NAMES, appExists, appFile, appSpec, type Addresses, type AppName, type AppOverride } from './apps.js';
import { prepareCapture, startCapture, type Capture } from './cdc.js';
import { StackError } from './errors.js';
import type { JobControl } from './flink/control.js';
import type { JobKeeper } from './flink/keeper.js';
import { startFlink } from './flink/start.js';
import { installClickhouse } from './install/clickhouse.js';
import { installElasticsearch } from './install/elasticsearch.js';
import { installKafka, type KafkaInstall } from './install/kafka.js';
import { installMongodb } from './install/mongodb.js';
import { installPostgres } from './install/postgres.js';
import { requireJava } from './install/tools.js';
import { migrateDatabase } from './migrate.js';
import { DATA_FOLDERS, folder, stackIdOf, type Paths } from './paths.js';
import type { Ports } from './ports.js';
import { Component, type ComponentName, type ComponentSpec } from './process/component.js';
import { processesOf, STACK_ID_VARIABLE } from './process/identify.js';
import { logPath, startRotation } from './process/logs.js';
import { endOrphans } from './process/orphans.js';
import { holdsWithin } from './process/wait.js';
import type { Progress, Step } from './progress.js';
import { clickhouseSpec, clickhouseUrl } from './servers/clickhouse.js';
import { connectSpec } from './servers/connect.js';
import type { ServerContext } from './servers/context.js';
import { elasticsearchSpec, elasticsearchUrl } from './servers/elasticsearch.js';
import { flinkUrl } from './servers/flink.js';
import { kafkaSpec } from './servers/kafka.js';
import { mongodbSpec, mongodbUrl } from './servers/mongodb.js';
import { ensureDatabase, postgresSpec, postgresUrl } from './servers/postgres.js';
import { postgresUser, requireReachable, type SystemUser } from './servers/postgres-user.js';
import { passwordReference, secretsOf } from './servers/secrets.js';
import { ensureTopics } from './servers/topics.js';
import { TOPICS } from './settings.js';

export interface StackOptions {
  readonly paths: Paths;
  readonly ports: Ports;
  /** Inherited by every child. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly progress: Progress;
  /** Our own programs to start; the servers always start. */
  readonly apps: readonly AppName[];
  /** Flink and its job; what the job is submitted with may differ. */
  readonly flink?: { readonly job?: Readonly<Record<string, string>> } | undefined;
  readonly overrides?: Readonly<Partial<Record<AppName, AppOverride>>>;
  readonly postgresSettings?: Readonly<Record<string, string>>;
}

/** Drained group by group: nobody loses a server that it still writes to. */
const DRAIN: readonly (readonly ComponentName[])[] = [
  ['generator', 'processor', 'taskmanager', 'jobmanager'],
  ['server'],
  ['connect'],
  ['kafka', 'mongodb', 'elasticsearch', 'clickhouse', 'postgres'],
];

/** All servers and programs of one data folder, started beside each other wherever one does not need the other. */
export class Stack {
  readonly components = new Map<ComponentName, Component>();
  readonly addresses: Addresses;
  /** Told of every component before it is started. */
  onComponent: (component: Component) => void = () => undefined;
  private readonly context: ServerContext;
  private readonly secrets;
  private readonly abort = new AbortController();
  private readonly rotation;
  private readonly pending: Promise<unknown>[] = [];
  private stopped: Promise<string[]> | undefined;
  private keeper: JobKeeper | undefined;
  /** Once its job runs. */
  flink: JobControl | undefined;

  constructor(private readonly options: StackOptions) {
    const { paths, ports, env } = options;
    for (const name of DATA_FOLDERS) mkdirSync(folder(paths, name), { recursive: true, mode: 0o700 });
    this.secrets = secretsOf(paths.data);
    this.rotation = startRotation(paths.logs);
    this.context = {
      ports,
      env: { ...env, [STACK_ID_VARIABLE]: stackIdOf(paths.data) },
      stackId: stackIdOf(paths.data),
      folder: (name) => folder(paths, name),
      log: (name) => logPath(paths.logs, name),
    };
    this.addresses = {
      kafkaBrokers: `127.0.0.1:${ports.kafka}`,
      connectUrl: `http://127.0.0.1:${ports.connect}`,
      postgresUrl: postgresUrl(ports.postgres, this.secrets.password),
      mongodbUrl: mongodbUrl(ports.mongodb),
      elasticsearchUrl: elasticsearchUrl(ports.elasticsearch),
      clickhouseUrl: clickhouseUrl(ports.clickhouse),
      ...(options.flink && { flinkUrl: flinkUrl(ports.flink) }),
      serverUrl: `http://127.0.0.1:${ports.server}`,
    };
  }

  /** Resolves when everything answers; on the first failure ends what it started and throws. */
  async start(): Promise<void> {
    try {
      const java = await requireJava(this.options.env);
      const user = this.postgresUser();
      const kafkaStep = this.options.progress.step('kafka');
      const install = installKafka(this.options.paths.cache, kafkaStep, this.abort.signal);
      const postgres = this.spawned(this.startPostgres(user));
      const mongodb = this.spawned(this.startMongodb());
      const elasticsearch = this.spawned(this.startElasticsearch(java, user));
      const clickhouse = this.spawned(this.startClickhouse());
      const kafka = this.spawned(this.startKafka(java, install, kafkaStep));
      const connect = this.spawned(this.startConnect(java, install));
      const capture = this.spawned(this.startCapture([postgres, kafka, connect]));
      const flink = this.options.flink && this.spawned(this.startFlink(java, install, kafka));
      const apps = APP_NAMES.filter((name) => this.options.apps.includes(name)).map((name) =>
        this.spawned(
          this.startApp(
            name,
            undefined,
            name === 'server' ? [postgres, mongodb, elasticsearch, clickhouse, kafka, capture] : [kafka],
          ),
        ),
      );
      await Promise.all([postgres, mongodb, elasticsearch, clickhouse, kafka, connect, capture, flink, ...apps]);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Drains in order; also ends a start that is under way. Returns who had to be ended by force afterwards. */
  stop(): Promise<string[]> {
    this.stopped ??= this.drain();
    return this.stopped;
  }

  private async drain(): Promise<string[]> {
    this.abort.abort();
    await Promise.allSettled(this.pending);
    await this.keeper?.stop();
    for (const group of DRAIN) await Promise.all(group.map(async (name) => this.components.get(name)?.stop()));
    // A child of a child, such as the TypeScript loader's compiler, goes a moment after its parent.
    const id = this.context.stackId;
    await holdsWithin(() => processesOf(id).length === 0, { timeoutMs: 3_000 });
    this.rotation.stop();
    return endOrphans(id);
  }

  /** No drain: for a second Ctrl-C. */
  async kill(): Promise<void> {
    this.abort.abort();
    await this.keeper?.stop();
    await Promise.all([...this.components.values()].map((component) => component.kill9()));
  }

  private async startPostgres(user: SystemUser | undefined): Promise<void> {
    const { paths, progress, ports, postgresSettings } = this.options;
    const step = progress.step('postgres');
    const native = await installPostgres(paths.cache, step);
    step.update('starting', 0.3);
    const settings = postgresSettings && { settings: postgresSettings };
    await this.run(await postgresSpec(this.context, { native, user, secrets: this.secrets, ...settings }));
    step.update('migrating', 0.7);
    const url = await ensureDatabase(ports.postgres, this.secrets);
    await migrateDatabase(url);
    const warning = await prepareCapture(this.capture());
    if (warning !== undefined) progress.note(warning);
    step.done('ready');
  }

  private async startMongodb(): Promise<void> {
    const step = this.options.progress.step('mongodb');
    const program = await installMongodb(this.options.paths.cache, step, this.abort.signal);
    step.update('starting', 0.4);
    await this.run(mongodbSpec(this.context, program));
    step.done('ready');
  }

  private async startElasticsearch(java: string, user: SystemUser | undefined): Promise<void> {
    const step = this.options.progress.step('elasticsearch');
    const home = await installElasticsearch(this.options.paths.cache, step, this.abort.signal);
    step.update('starting', 0.4);
    await this.run(elasticsearchSpec(this.context, { java, home, user }));
    step.done('ready');
  }

  private async startClickhouse(): Promise<void> {
    const step = this.options.progress.step('clickhouse');
    const engine = await installClickhouse(this.options.paths.cache, step, this.abort.signal);
    step.update('starting', 0.4);
    await this.run(clickhouseSpec(this.context, engine));
    step.done('ready');
  }

  private async startKafka(java: string, install: Promise<KafkaInstall>, step: Step): Promise<void> {
    const { lib } = await install;
    step.update('starting', 0.3);
    await this.run(await kafkaSpec(this.context, java, lib));
    step.update('creating topics', 0.8);
    await ensureTopics(this.addresses.kafkaBrokers, TOPICS);
    step.done('ready');
  }

  private async startFlink(java: string, installed: Promise<unknown>, topics: Promise<unknown>): Promise<void> {
    const { paths, progress, flink } = this.options;
    const parts = {
      context: this.context,
      cache: paths.cache,
      kafkaBrokers: this.addresses.kafkaBrokers,
      step: progress.step('flink'),
      say: (sentence: string) => progress.note(sentence),
      signal: this.abort.signal,
      job: flink?.job ?? {},
      run: (spec: ComponentSpec) => this.run(spec),
    };
    this.flink = await startFlink(parts, java, installed, topics, (keeper) => (this.keeper = keeper));
  }

  private async startConnect(java: string, install: Promise<KafkaInstall>): Promise<void> {
    const step = this.options.progress.step('connect');
    const installed = await install;
    step.update('starting', 0.3);
    await this.run(connectSpec(this.context, java, installed));
    step.done('ready');
  }

  private async startCapture(needs: readonly Promise<unknown>[]): Promise<void> {
    const step = this.options.progress.step('capture');
    await Promise.all(needs);
    await startCapture(this.capture(), step, this.abort.signal);
  }

  /** Starts one of our own programs; the override replaces the one that the stack was made with. */
  async startApp(
    name: AppName,
    override = this.options.overrides?.[name],
    needs: readonly Promise<unknown>[] = [],
  ): Promise<void> {
    const step = this.options.progress.step(name);
    if (!appExists(name)) {
      step.fail(`not started: ${appFile(name)} is missing`);
      return;
    }
    await Promise.all(needs);
    step.update('starting', 0.3);
    await this.run(appSpec(this.context, name, this.addresses, override));
    step.done('ready');
  }

  /** Who runs Postgres, and whether they can reach it: asked before anything starts. */
  private postgresUser(): SystemUser | undefined {
    const { env, paths } = this.options;
    const user = postgresUser(env);
    if (user === undefined) return undefined;
    requireReachable(paths.data, user, 'TIDEMARK_DATA');
    requireReachable(paths.cache, user, 'TIDEMARK_CACHE');
    return user;
  }

  private async run(spec: ComponentSpec): Promise<void> {
    if (this.abort.signal.aborted)
      throw new StackError('STACK_STOPPED', `${spec.name} was not started because the stack is stopping.`);
    const component = new Component(spec, (sentence) => this.options.progress.note(sentence));
    this.components.set(spec.name, component);
    this.onComponent(component);
    await component.start(this.abort.signal);
  }

  private capture(): Capture {
    const { postgresUrl: url, connectUrl } = this.addresses;
    const { paths } = this.options;
    return { postgresUrl: url, connectUrl, password: passwordReference(paths.data), run: paths.run };
  }

  /** Remembered, so that stop() waits for what is under way; a failure counts once, at the end. */
  private spawned<T>(work: Promise<T>): Promise<T> {
    this.pending.push(work);
    work.catch(() => this.abort.abort());
    return work;
  }
}
