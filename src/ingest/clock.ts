/** The commit clock in SQL: it numbers accepted transactions without holes, in commit order (contract.md §1, §6). */
import type { ClientBase } from 'pg';
import { CHANGES_CHANNEL } from '../position/channels.js';
import { micros, position } from '../position/position.js';
import type { Tick } from './port.js';

/** Postgres' wall clock in microseconds. */
export const NOW_US = `(extract(epoch from clock_timestamp()) * 1e6)::bigint`;

const ADVANCE = `
  update commit_clock set
    position = position + 1, predecessor = nonce, nonce = gen_random_uuid(),
    committed_at_us = greatest(${NOW_US}, committed_at_us + 1)`;
const RETURNING = `returning position, nonce, predecessor, incarnation, committed_at_us`;

interface TickRow {
  position: string;
  nonce: string;
  predecessor: string;
  incarnation: string;
  committed_at_us: string;
}

const tickOf = (row: TickRow): Tick => ({
  position: position(row.position),
  nonce: row.nonce,
  predecessor: row.predecessor,
  incarnation: row.incarnation,
  committedAt: micros(row.committed_at_us),
});

/** Holds the clock for the rest of the transaction. */
export async function takeClock(client: ClientBase): Promise<Tick> {
  const { rows } = await client.query<TickRow>({ name: 'take-clock', text: `${ADVANCE} ${RETURNING}` });
  if (rows[0] === undefined) throw new Error('commit_clock is empty: the server did not start it');
  return tickOf(rows[0]);
}

const NO_KEYS = '[]';
/** Commit log rows are bounded, so that one CDC message is: larger transactions go in numbered parts. */
export const PART_CHARS = 512 * 1024;

/** Splits encoded documents into parts of at most `limit` characters, at least one part, no document in two. */
export function partition(documents: readonly string[], limit: number = PART_CHARS): string[][] {
  const parts: string[][] = [[]];
  let size = 0;
  for (const document of documents) {
    if (size > 0 && size + document.length > limit) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1)?.push(document);
    size += document.length;
  }
  return parts;
}

const LOG = `insert into commit_log (position, part, parts, nonce, predecessor, incarnation, committed_at_us, keys, documents, document_count)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`;
/** The same, for a transaction that changed a result: in one round trip, for the clock is held. */
const LOG_AND_TELL = `with logged as (${LOG}) select pg_notify('${CHANGES_CHANNEL}', '')`;

/** The commit log row, or its numbered parts: the last thing a transaction writes. */
export async function writeLog(
  client: ClientBase,
  tick: Tick,
  keys: string,
  documents: readonly string[],
): Promise<void> {
  const parts = partition(documents);
  for (const [part, inPart] of parts.entries()) {
    const tells = part === 0 && keys !== NO_KEYS;
    await client.query({
      name: tells ? 'write-log-tell' : 'write-log',
      text: tells ? LOG_AND_TELL : LOG,
      values: [
        tick.position,
        part,
        parts.length,
        tick.nonce,
        tick.predecessor,
        tick.incarnation,
        tick.committedAt,
        part === 0 ? keys : NO_KEYS,
        `[${inPart.join(',')}]`,
        inPart.length,
      ],
    });
  }
}

const HEARTBEAT = `
  with tick as (${ADVANCE} where abs(${NOW_US} - committed_at_us) >= $1::bigint ${RETURNING})
  insert into commit_log (position, part, parts, nonce, predecessor, incarnation, committed_at_us, keys, documents, document_count)
  select position, 0, 1, nonce, predecessor, incarnation, committed_at_us, '[]', '[]', 0 from tick
  returning ${'position, nonce, predecessor, incarnation, committed_at_us'}`;

/**
 * One statement, so that nothing holds the clock across a round trip. `abs`: after a backward step of Postgres' clock it
 * goes on, a microsecond at a time.
 */
export async function beat(client: Pick<ClientBase, 'query'>, idleUs: number): Promise<Tick | null> {
  const { rows } = await client.query<TickRow>({ name: 'heartbeat', text: HEARTBEAT, values: [idleUs] });
  return rows[0] === undefined ? null : tickOf(rows[0]);
}
