/**
 * A program for tests: the server's ingest, composed of the server's own parts, that kills, stops or holds itself at a
 * point of a batch. It says what it does as lines of JSON. The server itself has no such switch.
 */
import { createLogConsumer } from '../../src/ingest/consumer.js';
import { startHeartbeat } from '../../src/ingest/heartbeat.js';
import { createPostgresIngestStore } from '../../src/ingest/postgres.js';
import { createIngest } from '../../src/ingest/run.js';
import { drain } from '../../src/drain.js';
import { createPool, IDLE_IN_TRANSACTION_MS, INGEST_STATEMENT_MS } from '../../src/pools.js';
import { Highest } from '../../src/position/highest.js';
import { startClock } from '../../src/stores/postgres/clock.js';
import { RESULT_TOPICS } from '../../wire/topics.js';
import type { IngestProgram, Point, Said } from './ingest-program-types.js';

const given = JSON.parse(process.argv[2] ?? '{}') as IngestProgram;
const say = (said: Said): void => void process.stdout.write(`${JSON.stringify(said)}\n`);

let met = 0;
/** The fault that was asked for, at its point, the nth time that it is met. */
async function hook(point: Point): Promise<void> {
  const { fault } = given;
  if (fault === undefined || fault.at !== point) return;
  met += 1;
  if (met !== fault.nth) return;
  say({ type: 'fault', at: point });
  switch (fault.kind) {
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      return new Promise(() => undefined);
    case 'stop':
      process.kill(process.pid, 'SIGSTOP');
      return;
    case 'hold':
      return new Promise((resolve) => setTimeout(resolve, fault.holdMs));
  }
}

const pool = createPool({
  connectionString: given.postgresUrl,
  name: 'ingest',
  max: 6,
  statementMs: given.statementMs ?? INGEST_STATEMENT_MS,
  idleInTransactionMs: IDLE_IN_TRANSACTION_MS,
  onBroken: () => undefined,
});
await startClock(pool, []);
const store = createPostgresIngestStore(pool);
const highest = new Highest();
const heartbeat = startHeartbeat(store, 200, highest, () => undefined);
const consumer = createLogConsumer({
  brokers: [given.brokers],
  clientId: `test-${process.pid}`,
  groupId: given.group,
  topics: [RESULT_TOPICS[0]],
  partitionsConcurrently: 4,
  maxBytesPerPartition: given.maxBytes,
  sessionTimeoutMs: 6_000,
  backoffMs: { first: 100, most: 2_000 },
  stopTimeoutMs: (given.drainMs * 3) / 4,
  monotonicMs: () => performance.now(),
  hook,
  log: (level, message) => say({ type: 'log', level, message }),
});
const ingest = createIngest({
  store,
  highest,
  engines: new Map([[RESULT_TOPICS[0], 'KAFKA_ONLY']]),
  hook,
  onCommitted: ({ partition }, { consumed, tick }) =>
    say({ type: 'committed', partition, consumed, position: tick === null ? null : Number(tick.position) }),
});

let told = '';
setInterval(() => {
  const troubles = consumer.troubles().map(({ message }) => message);
  if (troubles.join() === told) return;
  told = troubles.join();
  say({ type: 'troubles', troubles });
}, 50).unref();
if (given.memory === true) {
  setInterval(() => {
    globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    say({ type: 'memory', bytes: heapUsed + external });
  }, 200).unref();
}

process.once('SIGTERM', () => {
  say({ type: 'draining' });
  const steps = [() => pool.end(), () => heartbeat.stop(), () => consumer.stop()];
  void drain(steps, given.drainMs, (error) => say({ type: 'log', level: 'warn', message: String(error) })).then(() =>
    process.exit(0),
  );
});
await consumer.run(ingest);
say({ type: 'joined' });
