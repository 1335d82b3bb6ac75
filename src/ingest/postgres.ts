/** The ingest port over Postgres. SQL only; the order of the calls and every decision are the caller's. */
import type { Pool, PoolClient, QueryConfig } from 'pg';
import { AppError, asError } from '../errors.js';
import { micros, type Micros } from '../position/position.js';
import { beat, NOW_US, takeClock, writeLog } from './clock.js';
import { copyBatch, prepareBatchTable } from './copy.js';
import type { Place } from './decode.js';
import { writeEvents } from './events.js';
import { readSettledLosses, writeDeadLetters } from './letters.js';
import { closeRequests, openRequests, writeRequests } from './requests.js';
import type { ConsumedRecord, IngestStore, IngestTransaction, StoredOffsets } from './port.js';
import { readExpired, readFacts, readRows, writeFacts, writeRefusals, writeRows } from './tables.js';

/** A connection that does not answer is dropped instead, and Postgres rolls back when it notices. */
const ROLLBACK_MS = 1_000;

interface LockedRow {
  next_offset: string;
  now_us: string;
}

/** Locks the partition's offsets. A second consumer or a zombie waits here, and then sees how far the other has come. */
async function lockOffsets(client: PoolClient, place: Place): Promise<{ next: bigint; now: Micros }> {
  const { rows } = await client.query<LockedRow>({
    name: 'lock-offsets',
    text: `select next_offset, ${NOW_US} as now_us from ingest_offsets where topic = $1 and partition = $2 for update`,
    values: [place.topic, place.partition],
  });
  if (rows[0] === undefined) {
    throw new AppError(
      'INGEST_NOT_STARTED',
      `${place.topic}/${place.partition} has no row in ingest_offsets: it must be started first.`,
      {
        retryable: true,
        outcome: 'none',
      },
    );
  }
  return { next: BigInt(rows[0].next_offset), now: micros(rows[0].now_us) };
}

async function advanceOffsets(client: PoolClient, place: Place, { offset, digest }: ConsumedRecord): Promise<void> {
  await client.query({
    name: 'advance-offsets',
    text: `update ingest_offsets set next_offset = $3, last_offset = $4, last_digest = $5 where topic = $1 and partition = $2`,
    values: [place.topic, place.partition, offset + 1n, offset, digest],
  });
}

function transactionOn(client: PoolClient): IngestTransaction {
  let open = true;
  const release = (error?: Error): void => {
    if (open) client.release(error);
    open = false;
  };
  return {
    copy: (results, provenance) => copyBatch(client, results, provenance),
    lockOffsets: (place) => lockOffsets(client, place),
    readFacts: (place) => readFacts(client, place),
    readRows: (keys) => readRows(client, keys),
    settledLosses: (losses) => readSettledLosses(client, losses),
    readExpired: () => readExpired(client),
    takeClock: () => takeClock(client),
    writeRows: (place, tick, rows) => writeRows(client, place, tick, rows),
    writeRefusals: (place, tick, refusals, provenance) => writeRefusals(client, place, tick, refusals, provenance),
    openRequests: (answers) => openRequests(client, answers),
    closeRequests: (tick, ids) => closeRequests(client, tick, ids),
    writeRequests: (tick, requests) => writeRequests(client, tick, requests),
    writeDeadLetters: (tick, letters) => writeDeadLetters(client, tick, letters),
    writeEvents: (tick, events) => writeEvents(client, tick, events),
    writeFacts: (place, tick, before, after) => writeFacts(client, place, tick, before, after),
    advanceOffsets: (place, last) => advanceOffsets(client, place, last),
    writeLog: (tick, keys, documents) => writeLog(client, tick, keys, documents),
    async commit() {
      await client.query('commit');
      release();
    },
    async abort() {
      if (!open) return;
      // A connection that could not roll back is not given to anybody else.
      await client.query({ text: 'rollback', query_timeout: ROLLBACK_MS } as QueryConfig).then(
        () => release(),
        (error: unknown) => release(asError(error)),
      );
    },
  };
}

interface OffsetRow {
  next_offset: string;
  last_offset: string | null;
  last_digest: Buffer | null;
}

async function offsets(pool: Pool, place: Place, low: bigint): Promise<StoredOffsets> {
  await pool.query(
    `insert into ingest_offsets (topic, partition, next_offset) values ($1, $2, $3) on conflict do nothing`,
    [place.topic, place.partition, low],
  );
  const { rows } = await pool.query<OffsetRow>(
    `select next_offset, last_offset, last_digest from ingest_offsets where topic = $1 and partition = $2`,
    [place.topic, place.partition],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`${place.topic}/${place.partition}: ingest_offsets lost its row`);
  const last =
    row.last_offset === null || row.last_digest === null
      ? null
      : { offset: BigInt(row.last_offset), digest: row.last_digest };
  return { next: BigInt(row.next_offset), last };
}

/** A transaction, and its client for what is said beside it in SQL. */
export async function beginOn(pool: Pool): Promise<{ tx: IngestTransaction; client: PoolClient }> {
  const client = await pool.connect();
  const tx = transactionOn(client);
  try {
    await prepareBatchTable(client);
    await client.query('begin');
    return { tx, client };
  } catch (error) {
    await tx.abort();
    throw error;
  }
}

export function createPostgresIngestStore(pool: Pool): IngestStore {
  return {
    begin: async () => (await beginOn(pool)).tx,
    offsets: (place, low) => offsets(pool, place, low),
    async noteGap(place, message) {
      await pool.query(`update ingest_offsets set gap = $3 where topic = $1 and partition = $2`, [
        place.topic,
        place.partition,
        message,
      ]);
    },
    beat: (idleUs) => beat(pool, idleUs),
  };
}
