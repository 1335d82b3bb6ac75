import type { LogRecord } from '../log/port.js';
import { Highest } from '../position/highest.js';
import { digestOf } from './commit.js';
import type { IngestStore, StoredOffsets } from './port.js';
import { createIngest } from './run.js';

const TOPIC = 'results.kafka-only';
const record = (offset: number): LogRecord => ({
  offset: BigInt(offset),
  key: 'k',
  value: Buffer.from(`${offset}`),
  timestampMs: 0,
});

/** A store that answers `offsets` when the test says so, and takes in nothing. */
class SlowStore {
  readonly asked: ((stored: StoredOffsets) => void)[] = [];
  readonly store = {
    offsets: () => new Promise<StoredOffsets>((resolve) => this.asked.push(resolve)),
    begin: () => Promise.reject(new Error('reached Postgres')),
  } as unknown as IngestStore;
}

// Found by the simulation (seed 285): the partition was blocked with INGEST_GAP, though nothing was missing.
test('a start that is answered after a later one has begun to read changes nothing any more', async () => {
  const slow = new SlowStore();
  const ingest = createIngest({ store: slow.store, highest: new Highest(), engines: new Map([[TOPIC, 'KAFKA_ONLY']]) });
  const stored = { next: 12n, last: { offset: 11n, digest: digestOf(record(11)) } };
  const extent = { low: 0n, high: 20n };
  const batch = (...offsets: number[]) => ({
    topic: TOPIC,
    partition: 0,
    records: offsets.map(record),
    transactional: false,
  });
  const older = ingest.start(TOPIC, 0, extent);
  const newer = ingest.start(TOPIC, 0, extent);
  slow.asked[1]?.(stored);
  await newer;
  await ingest.handle(batch(11));
  slow.asked[0]?.(stored);
  await older;
  // It goes on with the next record, and asks for no record twice.
  await expect(ingest.handle(batch(12))).rejects.toThrow('reached Postgres');
});
