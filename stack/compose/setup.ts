/** The one-shot service `setup` of docker-compose.yml. Exit 0: our programs can start. */
import { sentenceOf, StackError } from '../errors.js';
import { prepare } from './prepare.js';

function variable(name: string): string {
  const value = process.env[name];
  if (value !== undefined && value !== '') return value;
  throw new StackError('STACK_SETTING_INVALID', `${name} is not set.`);
}

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    stopping.abort();
    process.exit(130);
  });
}

try {
  const targets = {
    kafkaBrokers: variable('KAFKA_BROKERS'),
    connectUrl: variable('CONNECT_URL'),
    postgresUrl: variable('POSTGRES_URL'),
    superuserUrl: variable('POSTGRES_SUPERUSER_URL'),
    mongodbHost: variable('MONGODB_HOST'),
    connectPassword: variable('CONNECT_PASSWORD_REFERENCE'),
    notes: variable('SETUP_NOTES'),
  };
  await prepare(targets, (sentence) => process.stdout.write(`setup: ${sentence}\n`), stopping.signal);
  process.exit(0);
} catch (error) {
  process.stderr.write(`setup: ${sentenceOf(error)}\n`);
  process.exit(1);
}
