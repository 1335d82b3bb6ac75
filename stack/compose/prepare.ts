/** Brings a set of fresh or used servers to where our programs can start: what the launcher does for the stack. */
import { mkdirSync } from 'node:fs';
import { prepareCapture, startCapture, type Capture } from '../cdc.js';
import { StackError } from '../errors.js';
import { migrateDatabase } from '../migrate.js';
import { holdsWithin } from '../process/wait.js';
import type { Step } from '../progress.js';
import { withClient } from '../servers/postgres.js';
import { ensureTopics, kafkaAnswers } from '../servers/topics.js';
import { TOPICS } from '../settings.js';
import { ensureAppDatabase, passwordOf } from './database.js';
import { ensureReplicaSet } from './replica-set.js';

export interface Targets {
  readonly kafkaBrokers: string;
  readonly connectUrl: string;
  readonly postgresUrl: string;
  readonly superuserUrl: string;
  readonly mongodbHost: string;
  /** What Kafka Connect finds the password by. */
  readonly connectPassword: string;
  /** Folder that outlives this program. */
  readonly notes: string;
}

/** How long each server is waited for; compose starts this when all of them are healthy. */
const ANSWERS_WITHIN_MS = 60_000;

async function untilAnswers(who: string, answers: () => Promise<boolean>): Promise<void> {
  if (await holdsWithin(answers, { timeoutMs: ANSWERS_WITHIN_MS, everyMs: 250 })) return;
  throw new StackError('STACK_NOT_READY', `${who} does not answer within ${ANSWERS_WITHIN_MS / 1000} s: see its log.`);
}

/**
 * Every step finds out what is missing, so the second run changes nothing and a run after a crash goes on.
 * @throws StackError or AppError with one sentence; what was done before stays
 */
export async function prepare(targets: Targets, say: (sentence: string) => void, signal: AbortSignal): Promise<void> {
  const { kafkaBrokers, connectUrl, postgresUrl, superuserUrl, mongodbHost, notes } = targets;
  passwordOf(postgresUrl);
  mkdirSync(notes, { recursive: true });

  say(`MongoDB: replica set ${await ensureReplicaSet(mongodbHost, ANSWERS_WITHIN_MS)}`);

  await untilAnswers('Kafka', () => kafkaAnswers(kafkaBrokers));
  await ensureTopics(kafkaBrokers, TOPICS);
  say(`Kafka: topics ${TOPICS.map(({ name }) => name).join(', ')}`);

  await untilAnswers('Postgres', () =>
    withClient(superuserUrl, async (client) => (await client.query('SELECT 1')).rowCount === 1),
  );
  await ensureAppDatabase(superuserUrl, postgresUrl);
  say(`Postgres: ${await migrateDatabase(postgresUrl)} migrations applied now`);

  const capture: Capture = { postgresUrl, connectUrl, password: targets.connectPassword, run: notes };
  // Before the connector, which never snapshots, and before anybody writes.
  const warning = await prepareCapture(capture);
  if (warning !== undefined) say(warning);

  await untilAnswers('Kafka Connect', async () => (await fetch(`${connectUrl}/connectors`)).ok);
  await startCapture(capture, stepOf(say), signal);
}

const stepOf = (say: (sentence: string) => void): Step => ({
  update: (what) => say(`connector: ${what}`),
  done: (what) => say(`connector: ${what ?? 'done'}`),
  fail: (what) => {
    throw new StackError('STACK_CONNECTOR_FAILED', what);
  },
});
