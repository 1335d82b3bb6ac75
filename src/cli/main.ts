import { existsSync } from 'node:fs';
import { Command, Option } from 'commander';
import { readTopicEnds } from '../../generator/kafka.js';
import { addGeneratorOptions, parseGeneratorOptions } from '../../generator/options.js';
import { runGenerator } from '../../generator/run.js';
import { RESULT_TOPICS, TOPIC_COMMIT_LOG, TOPIC_ORDERS } from '../../wire/topics.js';
import { environmentPaths } from '../../stack/paths.js';
import { configMarkdown } from '../config.js';
import { addCheckTopic } from './check-topic.js';
import { addDeadLetters } from './dead-letters.js';
import { addMendCdc } from './mend-cdc.js';
import { readDisk } from './disk.js';
import { produce, type ProduceOptions } from './produce.js';
import { askServer, renderStatus } from './status.js';

const DEFAULT_URL = 'http://127.0.0.1:4000/graphql';
const ANSWER_LIMIT_MS = 3_000;

const out = {
  say: (line: string): void => void process.stdout.write(`${line}\n`),
  warn: (line: string): void => void process.stderr.write(`${line}\n`),
};
const brokers = (): Option =>
  new Option('--bootstrap, --brokers <list>', 'Kafka bootstrap servers').env('KAFKA_BROKERS').default('127.0.0.1:4092');
const url = (): Option => new Option('--url <url>', 'GraphQL address').env('TIDEMARK_URL').default(DEFAULT_URL);

const program = new Command('tidemark').description('Feeds and looks at a running Tidemark.');

addGeneratorOptions(program.command('generate').description('write seeded order events'), 0).action(
  async (raw: unknown) => {
    const stopping = new AbortController();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());
    await runGenerator(parseGeneratorOptions(raw), { now: Date.now, signal: stopping.signal, say: out.say });
  },
);

program
  .command('produce <file>')
  .description('send events from a JSON-lines file, flat or Debezium envelopes; - reads standard input')
  .addOption(brokers())
  .option('--topic <name>', 'source topic', TOPIC_ORDERS)
  .option('--shift-to-now', 'move all times so that the first event happens now')
  .option('--keep-going', 'send the good lines even if others are wrong')
  .action(async (file: string, options: ProduceOptions) => {
    process.exitCode = await produce(file, options, Date.now(), out);
  });

program
  .command('config')
  .description("list the server's settings; docs/CONFIG.md is made from this")
  .option('--markdown', 'as the page in docs/')
  .action(() => void process.stdout.write(configMarkdown()));

program
  .command('status')
  .description('server, stores, pipelines, topics and disk on one screen')
  .addOption(brokers())
  .addOption(url())
  .addOption(new Option('--data <folder>', 'the data of a stack on this machine').default(environmentPaths().data))
  .action(async (options: { brokers: string; url: string; data: string }) => {
    const names = [TOPIC_ORDERS, ...RESULT_TOPICS, TOPIC_COMMIT_LOG];
    const sentence = `Kafka at ${options.brokers} does not answer. Is it running? npm start`;
    const [server, topics, sizes] = await Promise.all([
      askServer(options.url, ANSWER_LIMIT_MS),
      readTopicEnds(options.brokers, names).catch(() => ({ sentence })),
      readDisk(options.data),
    ]);
    out.say(renderStatus(server, topics, { data: options.data, sizes }));
    process.exitCode = server.kind === 'down' || 'sentence' in topics ? 1 : 0;
  });

addCheckTopic(program, brokers, out, (code) => (process.exitCode = code));
addDeadLetters(program, url, out, (code) => (process.exitCode = code));
addMendCdc(
  program,
  out.say,
  (code) => (process.exitCode = code),
  (flags, description, variable) => new Option(flags, description).env(variable),
);
// Not in an image: it breaks servers of its own, by the same code as the tests.
if (existsSync(new URL('../../lab/runner/command.ts', import.meta.url))) {
  const { addDemo, addLab } = await import('../../lab/runner/command.js');
  addLab(program, out, (code) => (process.exitCode = code));
  addDemo(program, (code) => (process.exitCode = code));
}

program.parseAsync().catch((error: unknown) => {
  out.warn(`tidemark: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
