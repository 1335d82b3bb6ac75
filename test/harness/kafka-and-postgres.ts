import { openLink, type Link } from '../../lab/faults/link.js';
import { installKafka } from '../../stack/install/kafka.js';
import { installPostgres } from '../../stack/install/postgres.js';
import { requireJava } from '../../stack/install/tools.js';
import { migrateDatabase } from '../../stack/migrate.js';
import { Component } from '../../stack/process/component.js';
import { silent } from '../../stack/progress.js';
import { kafkaSpec } from '../../stack/servers/kafka.js';
import { ensureDatabase, postgresSpec } from '../../stack/servers/postgres.js';
import { postgresUser } from '../../stack/servers/postgres-user.js';
import { secretsOf } from '../../stack/servers/secrets.js';
import { ensureTopics } from '../../stack/servers/topics.js';
import { TOPICS } from '../../stack/settings.js';
import { killAtExit } from './kill-at-exit.js';
import { makeSandbox } from './sandbox.js';

/** A Kafka and a Postgres of a test's own, each also behind a link that can be slowed, silenced and cut. */
export interface KafkaAndPostgres {
  /** Everything of Kafka goes through its link: the broker advertises no other address. */
  readonly brokers: string;
  readonly postgresUrl: string;
  /** The same database, through the link. */
  readonly linkedPostgresUrl: string;
  readonly kafkaLink: Link;
  readonly postgresLink: Link;
  readonly kafka: Component;
  readonly postgres: Component;
  stop(): Promise<void>;
}

/** The stack's own servers, by the stack's own settings; about six seconds. */
export async function startKafkaAndPostgres(): Promise<KafkaAndPostgres> {
  const sandbox = await makeSandbox('ingest');
  const { cache, data } = sandbox.paths;
  const { ports, context } = sandbox;
  const report = (sentence: string): void => void process.stderr.write(`${sentence}\n`);
  const never = new AbortController().signal;
  const kafkaLink = await openLink({ port: ports.kafka });
  const postgresLink = await openLink({ port: ports.postgres });
  const brokers = `127.0.0.1:${kafkaLink.port}`;

  const startKafka = async (): Promise<Component> => {
    const java = await requireJava(sandbox.env);
    const { lib } = await installKafka(cache, silent.step('kafka'), never);
    const advertised = { 'advertised.listeners': `PLAINTEXT://${brokers}` };
    const component = new Component(await kafkaSpec(context, java, lib, advertised), report);
    killAtExit(component);
    await component.start();
    await ensureTopics(brokers, TOPICS);
    return component;
  };
  const secrets = secretsOf(data);
  const startPostgres = async (): Promise<Component> => {
    const native = await installPostgres(cache, silent.step('postgres'));
    const user = postgresUser(sandbox.env);
    const component = new Component(
      await postgresSpec(context, { native, user, secrets, settings: { fsync: 'off' } }),
      report,
    );
    killAtExit(component);
    await component.start();
    return component;
  };
  const [kafka, postgres] = await Promise.all([startKafka(), startPostgres()]);
  const postgresUrl = await ensureDatabase(ports.postgres, secrets);
  await migrateDatabase(postgresUrl);
  return {
    brokers,
    postgresUrl,
    linkedPostgresUrl: postgresUrl.replace(`:${ports.postgres}/`, `:${postgresLink.port}/`),
    kafkaLink,
    postgresLink,
    kafka,
    postgres,
    stop: async () => {
      await Promise.all([kafka.stop(), postgres.stop()]);
      await Promise.all([kafkaLink.close(), postgresLink.close()]);
      sandbox.remove();
    },
  };
}
