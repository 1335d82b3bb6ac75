/**
 * `npx tsx lab/run.ts --minutes 1`: records a running stack for a while, and prints what the checkers say. Addresses come from
 * the environment: TIDEMARK_URL, KAFKA_BROKERS, POSTGRES_URL, and MONGODB_URL, ELASTICSEARCH_URL, CLICKHOUSE_URL if their end
 * is to be written down; several servers with commas between. Stop the generator before the time is over, or the end is not quiet and stays unknown.
 */
import { parseArgs } from 'node:util';
import { checkAll, tableOf } from './checkers/index.js';
import { missingResults } from './checkers/missing.js';
import { readHistory } from './history/file.js';
import { pause } from './history/now.js';
import { Recorder, type RecordOptions } from './history/record.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '50' },
    sessions: { type: 'string', default: '8' },
    runs: { type: 'string', default: 'lab/runs' },
    history: { type: 'string' },
    'stale-p99-ms': { type: 'string' },
    enough: { type: 'string' },
  },
});

/** Several addresses, with commas between: each session asks all of them. */
function serversIn(text: string): [string, ...string[]] {
  const [first = '', ...others] = text.split(',');
  return [first, ...others];
}

function optionsFrom(env: NodeJS.ProcessEnv): RecordOptions {
  const { POSTGRES_URL: postgres, MONGODB_URL: mongodb, ELASTICSEARCH_URL: elasticsearch, CLICKHOUSE_URL } = env;
  if (postgres === undefined) throw new Error('POSTGRES_URL is not set: without the truth nothing can be checked.');
  return {
    servers: serversIn(env['TIDEMARK_URL'] ?? 'http://127.0.0.1:4000/graphql'),
    brokers: env['KAFKA_BROKERS'] ?? '127.0.0.1:4092',
    stores: {
      postgres,
      ...(mongodb === undefined ? {} : { mongodb }),
      ...(elasticsearch === undefined ? {} : { elasticsearch }),
      ...(CLICKHOUSE_URL === undefined ? {} : { clickhouse: CLICKHOUSE_URL }),
    },
    runs: values.runs,
    missing: async (folder) => missingResults(await readHistory(folder, ['answer', 'poll'])),
    seed: Number(values.seed),
    rate: Number(values.rate),
    sessions: Number(values.sessions),
  };
}

async function record(): Promise<string> {
  const recorder = new Recorder(optionsFrom(process.env));
  await recorder.start();
  await pause(Number(values.minutes) * 60_000);
  await recorder.finish();
  return recorder.folder;
}

/** `--history <folder>` checks what was recorded before. */
const folder = values.history ?? (await record());
const { 'stale-p99-ms': stale, enough } = values;
const verdicts = checkAll(await readHistory(folder), {
  ...(stale === undefined ? {} : { staleP99Ms: Number(stale) }),
  ...(enough === undefined ? {} : { enough: Number(enough) }),
});
process.stdout.write(`${folder}\n${tableOf(verdicts)}`);
process.exitCode = verdicts.some(({ verdict }) => verdict === 'false') ? 1 : 0;
