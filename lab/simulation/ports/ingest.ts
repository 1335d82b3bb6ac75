/** The ports of the server over the Postgres of the simulation. `call` brings each statement there and back. */
import type { ClockRead } from '../../../src/contract/proof.js';
import type { StoredFacts } from '../../../src/contract/pipeline-facts.js';
import { AppError } from '../../../src/errors.js';
import type { IngestStore, IngestTransaction } from '../../../src/ingest/port.js';
import { keyOf } from '../../../src/position/commit-log.js';
import { listResults } from '../../../src/stores/listing.js';
import type { ResultReader, Truth } from '../../../src/stores/port.js';
import { stored, type LogRow, type MemoryPostgres, type Session } from './postgres.js';

export type Call = <T>(point: string, effect: () => T | Promise<T>) => Promise<T>;

const unavailable =
  (code: string) =>
  (cause: unknown): never => {
    throw new AppError(code, 'Postgres did not answer.', { retryable: true, outcome: 'none', cause });
  };

/** @param onSession told of each connection, so that it can be ended when its process dies */
export function createMemoryIngestStore(
  db: MemoryPostgres,
  call: Call,
  onSession: (session: Session) => void = () => undefined,
): IngestStore {
  return {
    async begin() {
      const session = db.session();
      onSession(session);
      await call('begin', () => undefined);
      return transactionOn(session, call);
    },
    offsets: (place, low) => call('offsets', () => db.startPartition(place, low)),
    noteGap: (place, message) =>
      call('note-gap', () => {
        const row = db.offsets.get(`${place.topic}/${place.partition}`);
        if (row !== undefined) row.gap = message;
      }),
    beat: (idleUs) => call('beat', () => db.beat(idleUs)),
  };
}

function transactionOn(session: Session, call: Call): IngestTransaction {
  /** A connection on which a call got lost is no connection: the server rolls back what is not committed. */
  const send: Call = async (point, effect) => {
    try {
      return await call(point, effect);
    } catch (error) {
      session.end();
      throw error;
    }
  };
  return {
    copy: (results) => send('copy', () => session.copy(results)),
    async lockOffsets(place) {
      const locked = await send('lock-offsets', () => session.lockOffsets(place));
      if (locked !== null) return locked;
      throw new AppError('INGEST_NOT_STARTED', 'no row in ingest_offsets', { retryable: true, outcome: 'none' });
    },
    readFacts: (place) => send('read-facts', () => session.readFacts(place)),
    readRows: (keys) => send('read-rows', () => session.readRows(keys)),
    // Nobody settles a dead letter here, and nothing expires.
    readExpired: () => send('read-expired', () => new Map()),
    settledLosses: (losses) => send('settled-losses', () => new Set(losses.flatMap(() => []))),
    takeClock: () => send('take-clock', () => session.takeClock()),
    writeRows: (place, tick, rows) => send('write-rows', () => session.writeRows(place, tick, rows)),
    writeRefusals: async (place, _tick, refusals) => {
      if (refusals.length > 0) await send('write-refusals', () => session.writeRefusals(place, refusals));
    },
    // Nobody recomputes here: an answer would be nobody's.
    openRequests: () => send('open-requests', () => new Map()),
    closeRequests: async () => undefined,
    writeRequests: async (_tick, requests) => {
      if (requests.length > 0) await send('write-requests', () => session.writeRequests(requests));
    },
    writeDeadLetters: async (_tick, letters) => {
      if (letters.length > 0) await send('write-dead-letters', () => session.writeDeadLetters(letters));
    },
    writeEvents: async (tick, events) => {
      if (events.length > 0) await send('write-events', () => session.writeEvents(tick, events));
    },
    writeFacts: (place, tick, before, after) =>
      send('write-facts', () => session.writeFacts(place, tick, before, after)),
    advanceOffsets: (place, last) => send('advance-offsets', () => session.advanceOffsets(place, last)),
    writeLog: (tick, keys, documents) => send('write-log', () => session.writeLog(tick, keys, documents)),
    commit: () => send('commit', () => session.commit()),
    async abort() {
      if (!session.ended) await call('rollback', () => session.end()).catch(() => session.end());
    },
  };
}

type Keys = ClockRead['entries'][number][4];

const entryOf = ({ position, nonce, predecessor, committedAt, keys }: LogRow): ClockRead['entries'][number] => [
  Number(position),
  nonce,
  predecessor,
  committedAt,
  JSON.parse(keys) as Keys,
];

/** What the statement of `src/contract/proof.ts` selects. */
function readClock(db: MemoryPostgres, after: bigint, horizon: bigint, lettersAt: string | null): ClockRead {
  const { position, nonce, incarnation, committedAt } = db.clock;
  const low = after > position - horizon ? after : position - horizon;
  return {
    position: String(position),
    nonce,
    incarnation,
    committedAtUs: String(committedAt),
    nowUs: String(Math.floor(db.options.nowUs())),
    expiredTo: null,
    expiredKinds: [],
    lettersAt: null,
    // No letter is ever held against a result: who knows that already is told nothing.
    letters: lettersAt === null ? null : [],
    divergences: [],
    entries: db.log
      .filter((row) => row.position > low && row.part === 0 && row.incarnation === incarnation)
      .sort((a, b) => Number(a.position - b.position))
      .map(entryOf),
    facts: [...db.facts.values()].map((row) => ({
      pipeline: row.pipeline,
      result_topic: row.topic,
      result_partition: row.partition,
      engine: row.engine,
      position: Number(row.position),
      facts: JSON.parse(row.facts) as StoredFacts['facts'],
    })),
  };
}

export const createMemoryClockRead =
  (db: MemoryPostgres, call: Call) =>
  (after: string, horizon: number, lettersAt: string | null): Promise<ClockRead> =>
    call('prove', () => readClock(db, BigInt(after), BigInt(horizon), lettersAt)).catch(
      unavailable('PROOF_UNAVAILABLE'),
    );

export function createMemoryTruthReader(db: MemoryPostgres, call: Call): ResultReader {
  return {
    store: 'POSTGRES',
    readMany: async (keys) => ({
      applied: null,
      data: await call('read', () =>
        keys.map((key) => {
          const row = db.results.get(keyOf(key));
          return row === undefined ? null : stored(row);
        }),
      ).catch(unavailable('STORE_UNAVAILABLE')),
    }),
    list: async (query) => ({
      applied: null,
      data: await call('list', () => listResults([...db.results.values()].map(stored), query)).catch(
        unavailable('STORE_UNAVAILABLE'),
      ),
    }),
  };
}

const ROWS_AT_ONCE = 4;

export const createMemoryTruth = (db: MemoryPostgres, call: Call): Truth => ({
  snapshot: async () => {
    const { clock, rows } = await call('snapshot', () => db.snapshot());
    async function* batches(): AsyncGenerator<typeof rows> {
      for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
        await call('copy-rows', () => undefined);
        yield rows.slice(from, from + ROWS_AT_ONCE);
      }
    }
    return { clock, total: rows.length, rows: batches(), close: async () => undefined };
  },
});
