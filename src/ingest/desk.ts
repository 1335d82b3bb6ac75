/**
 * What a person does about dead letters (ADR 9): replay, or dismiss. Both change open letters only, so that doing it twice,
 * at two servers or after a crash in between, changes nothing more.
 */
import type { Pool, PoolClient } from 'pg';
import { parseEventText } from '../../wire/parse-event.js';
import { AppError } from '../errors.js';
import type { Highest } from '../position/highest.js';
import type { DeadLetterDesk } from '../stores/port.js';
import type { ProcessingEngine } from '../words.js';
import { takePast } from './commit.js';
import { decode, INGEST, type Decoded, type Place } from './decode.js';
import { lockReports, noteReplay, noteSettled, readLetters, type StoredLetter } from './letters.js';
import { beginOn } from './postgres.js';
import type { IngestTransaction, Tick } from './port.js';
import { checkedTick } from './rewound.js';
import { settle, type Accepted } from './settle.js';

export interface SourceMessage {
  /** Left out: the one of its key. */
  readonly partition?: number;
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

export interface DeskOptions {
  readonly pool: Pool;
  readonly highest: Highest;
  readonly engines: ReadonlyMap<string, ProcessingEngine>;
  /** The topic whose events can be written again. */
  readonly sourceTopic: string;
  /** Resolves once the broker has it, with where. */
  readonly send: (topic: string, message: SourceMessage) => Promise<{ partition: number; offset: bigint }>;
  readonly decode?: typeof decode;
  /** What an engine with checkpoints has counted, if its heartbeats don't say so. Left out: nobody looks. */
  readonly accepted?: () => Accepted;
  /** Called where a crash is the most awkward: the tests break in there. */
  readonly hook?: (point: 'sent') => void;
}

const refuse = (code: string, message: string): AppError =>
  new AppError(code, message, { retryable: false, outcome: 'none' });

const nameOf = ({ id, topic, partition, offset }: StoredLetter): string =>
  `Dead letter ${id} (${topic}/${partition}@${offset})`;

/** The bytes to replay. @throws AppError DEAD_LETTER_TRUNCATED */
function bytesOf(letter: StoredLetter, mended: string | undefined): Buffer {
  if (mended !== undefined) return Buffer.from(mended);
  if (!letter.truncated && letter.payload !== null) return letter.payload;
  throw refuse(
    'DEAD_LETTER_TRUNCATED',
    `${nameOf(letter)}: ${letter.payload === null ? 'there was no value' : 'only its beginning is kept'}. Replay it with a payload, or dismiss it.`,
  );
}

const undecodable = (letter: StoredLetter, cause: string, why: string): AppError =>
  refuse(
    'DEAD_LETTER_UNDECODABLE',
    `${nameOf(letter)} can't be decoded now either: ${cause}, ${why}. Give a mended payload or dismiss it.`,
  );

const unreplayable = (letter: StoredLetter, why: string): AppError =>
  refuse('DEAD_LETTER_UNREPLAYABLE', `${nameOf(letter)} can only be dismissed: ${why}.`);

export function createDesk(options: DeskOptions): DeadLetterDesk & { settle(): Promise<void> } {
  const { pool, highest, engines, sourceTopic, send, hook, accepted = () => new Map() } = options;

  /** The source event in a letter, as it will be written again. */
  function eventOf(letter: StoredLetter, mended: string | undefined): SourceMessage {
    if (letter.topic !== sourceTopic) throw unreplayable(letter, `only records of ${sourceTopic} can be written again`);
    const value = bytesOf(letter, mended);
    const parsed = parseEventText(value.toString('utf8'));
    if (parsed.kind === 'broken') throw undecodable(letter, parsed.code, parsed.message);
    const headers = { 'tidemark-replay-of': `${letter.topic}/${letter.partition}@${letter.offset}` };
    return { key: parsed.event.symbol, value, headers };
  }

  /** The record of a result topic in a letter, decoded by today's code. */
  function recordOf(letter: StoredLetter): { place: Place; entry: Parameters<typeof takePast>[2] } {
    const engine = engines.get(letter.topic);
    if (engine === undefined) throw unreplayable(letter, 'no engine is configured for its topic');
    const place = { topic: letter.topic, partition: letter.partition, engine };
    const record = { offset: letter.offset, key: letter.kafkaKey, value: bytesOf(letter, undefined), timestampMs: 0 };
    const decoded: Decoded = (options.decode ?? decode)(record, place, 0);
    if (decoded.type === 'dead-letter' && decoded.letter.reportedBy === INGEST)
      throw undecodable(letter, decoded.letter.cause, decoded.letter.message);
    const type = decoded.type === 'accepted' ? decoded.record.type : 'result';
    if (type === 'assignment' || type === 'heartbeat' || type === 'other')
      throw unreplayable(letter, 'what it says was true at its place in the log only');
    return { place, entry: { record, decoded } };
  }

  async function replaySource(letter: StoredLetter, mended: string | undefined): Promise<void> {
    const { tx, client } = await beginOn(pool);
    try {
      const reports = await lockReports(client, letter);
      if (reports.find(({ id }) => id === letter.id)?.state !== 'OPEN') return;
      // Another pipeline's report of the same record: one replay is for all.
      const at =
        reports.find(({ replay }) => replay !== null)?.replay ?? (await send(sourceTopic, eventOf(letter, mended)));
      hook?.('sent');
      await noteReplay(
        client,
        reports.map(({ id }) => id),
        at,
      );
      await tx.commit();
    } finally {
      await tx.abort();
    }
  }

  async function replayResult(letter: StoredLetter): Promise<void> {
    const { place, entry } = recordOf(letter);
    const { tx, client } = await beginOn(pool);
    try {
      const { now } = await tx.lockOffsets(place);
      const [locked] = await lockReports(client, letter);
      if (locked?.state !== 'OPEN') return;
      const close = (tick: Tick): Promise<void> => noteSettled(client, [letter.id], 'REPLAYED', tick);
      const tick = (await overtaken(client, place, entry))
        ? await emptyCommit(tx, close)
        : await takePast(tx, place, entry, now, highest, close);
      await tx.commit();
      highest.note(tick);
    } finally {
      await tx.abort();
    }
  }

  /** A position that changes no result. */
  async function emptyCommit(tx: IngestTransaction, inIt: (tick: Tick) => Promise<void>): Promise<Tick> {
    const tick = await checkedTick(highest, () => tx.takeClock());
    await inIt(tick);
    await tx.writeLog(tick, '[]', []);
    return tick;
  }

  async function dismissAll(ids: readonly bigint[]): Promise<void> {
    const { tx, client } = await beginOn(pool);
    try {
      const { rows } = await client.query<{ id: string }>(
        `select id from dead_letters where id = any($1::bigint[]) and state = 'OPEN' order by id for update`,
        [ids],
      );
      if (rows.length === 0) return;
      const open = rows.map(({ id }) => BigInt(id));
      const tick = await emptyCommit(tx, (at) => noteSettled(client, open, 'DISMISSED', at));
      await tx.commit();
      highest.note(tick);
    } finally {
      await tx.abort();
    }
  }

  async function lettersOf(ids: readonly bigint[]): Promise<StoredLetter[]> {
    const letters = await readLetters(pool, ids);
    const known = new Set(letters.map(({ id }) => id));
    const unknown = ids.filter((id) => !known.has(id));
    if (unknown.length > 0) throw refuse('DEAD_LETTER_UNKNOWN', `There is no dead letter ${unknown.join(', ')}.`);
    return letters;
  }

  return {
    async replay(ids, payload) {
      const open = (await lettersOf(ids)).filter(({ state }) => state === 'OPEN');
      if (payload !== undefined && (ids.length !== 1 || open[0]?.reportedBy === INGEST)) {
        throw refuse(
          'DEAD_LETTER_NOT_MENDABLE',
          'A payload mends exactly one record of the source; a result is what its engine said.',
        );
      }
      // All are looked at before anything is done.
      for (const letter of open)
        if (letter.reportedBy === INGEST) recordOf(letter);
        else eventOf(letter, payload);
      for (const letter of open)
        await (letter.reportedBy === INGEST ? replayResult(letter) : replaySource(letter, payload));
    },
    async dismiss(ids) {
      await lettersOf(ids);
      await dismissAll(ids);
      await settle(pool, highest, accepted);
    },
    settle: () => settle(pool, highest, accepted),
  };
}

/** A newer record of the same result was accepted: it says all that this one could say. */
async function overtaken(
  client: PoolClient,
  { topic, partition }: Place,
  { record, decoded }: Parameters<typeof takePast>[2],
): Promise<boolean> {
  if (decoded.type !== 'accepted' || decoded.record.type !== 'result') return false;
  const { kind, businessKey, engine } = decoded.record.state;
  const { rows } = await client.query(
    `select from results where kind = $1 and business_key = $2 and engine = $3 and result_topic = $4 and result_partition = $5
       and result_offset > $6`,
    [kind, businessKey, engine, topic, partition, record.offset],
  );
  return rows.length > 0;
}
