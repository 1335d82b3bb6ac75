/**
 * The positions, in one document of an index of its own: which index, by name and UUID, they speak of, how far it can
 * be read by id (`applied`) and by search, and where in the CDC topic to go on from. Every change of the document is
 * conditional on the very one it was decided from, so that a zombie can't move it back.
 */
import { AppError } from '../../errors.js';
import { micros, position } from '../../position/position.js';
import type { Applied, Change } from '../port.js';
import {
  call,
  positionUnknown,
  refusalOf,
  storeConflict,
  unavailable,
  type ElasticPlace,
  type Json,
} from './request.js';
import { metaIndex } from './schema.js';

const META_ID = 'results';
/** Tries of a conditional write that somebody else's came before. */
const RACES = 5;

export interface Meta {
  readonly index: string;
  readonly indexUuid: string;
  readonly documentVersion: number;
  readonly applied: Applied;
  /** Moves only after a refresh that began when all of it was written. Never beyond `applied`. */
  readonly search: Applied;
  /** Swapped out last; deleted once no reader can still be in it. */
  readonly previous: string | null;
}

/** What is there, trusted or not, and the condition under which it may be replaced. */
export interface RawMeta {
  readonly source: Json;
  readonly seqNo: number;
  readonly primaryTerm: number;
}

export interface Stored {
  readonly meta: Meta;
  readonly raw: RawMeta;
}

const reachedOf = ({ position: p, nonce, committedAt, resumeOffset }: Applied): object => ({
  position: String(p),
  nonce,
  committed_at_us: String(committedAt),
  resume_offset: String(resumeOffset),
});

const toSource = (meta: Meta): object => ({
  index: meta.index,
  index_uuid: meta.indexUuid,
  document_version: meta.documentVersion,
  incarnation: meta.applied.incarnation,
  previous: meta.previous,
  applied: reachedOf(meta.applied),
  search: reachedOf(meta.search),
});

function toApplied(reached: Json, incarnation: string): Applied {
  return {
    position: position(String(reached.position)),
    nonce: reached.nonce,
    incarnation,
    committedAt: micros(String(reached.committed_at_us)),
    resumeOffset: BigInt(String(reached.resume_offset)),
  };
}

/** @throws AppError POSITION_UNKNOWN when somebody has altered it beyond reading */
export function parseMeta(source: Json): Meta {
  try {
    return {
      index: source.index,
      indexUuid: source.index_uuid,
      documentVersion: source.document_version,
      previous: source.previous ?? null,
      applied: toApplied(source.applied, source.incarnation),
      search: toApplied(source.search, source.incarnation),
    };
  } catch (error) {
    throw positionUnknown('its applied position is unreadable', error);
  }
}

/** In real time: what was acknowledged is seen. null: there is none. */
export async function readRawMeta(place: ElasticPlace): Promise<RawMeta | null> {
  try {
    const found = await call(
      place,
      { method: 'GET', path: `/${metaIndex(place)}/_doc/${META_ID}` },
      place.limits.readMs,
    );
    return { source: found._source, seqNo: found._seq_no, primaryTerm: found._primary_term };
  } catch (error) {
    // 404: no such document, or no such index.
    if (refusalOf(error)?.status === 404) return null;
    throw error;
  }
}

/** Puts `meta` in the place of `expected`. null: something else is there now. */
async function replace(place: ElasticPlace, meta: Meta, expected: RawMeta | null): Promise<Stored | null> {
  const source = toSource(meta);
  const query =
    expected === null ? { op_type: 'create' } : { if_seq_no: expected.seqNo, if_primary_term: expected.primaryTerm };
  const path = `/${metaIndex(place)}/_doc/${META_ID}`;
  try {
    const reply = await call(place, { method: 'PUT', path, query, body: source }, place.limits.writeMs, 'unknown');
    return { meta, raw: { source, seqNo: reply._seq_no, primaryTerm: reply._primary_term } };
  } catch (error) {
    if (refusalOf(error)?.status === 409) return null;
    throw error;
  }
}

/** @throws AppError STORE_CONFLICT when another server has applied or rebuilt since `seen` */
export async function swapMeta(place: ElasticPlace, seen: RawMeta | null, next: Meta): Promise<Stored> {
  const stored = await replace(place, next, seen);
  if (stored === null) throw storeConflict('another server has applied or rebuilt meanwhile');
  return stored;
}

/** null: it is there already. */
type Decide = (meta: Meta) => Meta | null;

/** The meta document as this server knows it, and the only way to change it while it speaks of the same index. */
export class BoundPosition {
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly place: ElasticPlace,
    private stored: Stored,
  ) {}

  get meta(): Meta {
    return this.stored.meta;
  }

  /** One at a time: within one server the writes do not get into each other's way. */
  update(decide: Decide): Promise<void> {
    const work = this.queue.then(() => this.decided(decide));
    this.queue = work.catch(() => undefined);
    return work;
  }

  private async decided(decide: Decide): Promise<void> {
    let fresh = false;
    for (let tries = 0; tries < RACES; tries += 1) {
      const next = this.tried(decide, fresh);
      if (next === null) return;
      const stored = next === 'unsure' ? null : await replace(this.place, next, this.stored.raw);
      if (stored !== null) {
        this.stored = stored;
        return;
      }
      this.stored = await this.reread();
      fresh = true;
    }
    throw unavailable(`the applied position was changed by others ${RACES} times in a row`, 'none');
  }

  /** A conflict with what we remember says nothing; one with what is there does. */
  private tried(decide: Decide, fresh: boolean): Meta | null | 'unsure' {
    try {
      return decide(this.stored.meta);
    } catch (error) {
      if (fresh || !(error instanceof AppError) || error.code !== 'STORE_CONFLICT') throw error;
      return 'unsure';
    }
  }

  private async reread(): Promise<Stored> {
    const raw = await readRawMeta(this.place);
    if (raw === null) throw positionUnknown('it holds no applied position');
    const meta = parseMeta(raw.source);
    if (meta.indexUuid !== this.stored.meta.indexUuid) throw storeConflict('it was made anew meanwhile');
    return { meta, raw };
  }
}

/**
 * The applied position after `changes` (in order, without holes, ending at `applied`), decided from what is stored, so
 * that the prefix claim holds whoever writes. The search position comes along when there was nothing to refresh.
 * @throws AppError STORE_CONFLICT when the store holds another history, or would be left with a hole
 */
export function advanced(meta: Meta, changes: readonly Change[], applied: Applied): Meta | null {
  const now = meta.applied;
  if (now.incarnation !== applied.incarnation) throw storeConflict('it belongs to another incarnation');
  if (now.position > applied.position) return null;
  if (now.position === applied.position && now.nonce === applied.nonce) return null;
  const [first] = changes;
  const follows =
    first !== undefined &&
    now.position < applied.position &&
    (first.position <= now.position || (first.position === now.position + 1n && first.predecessor === now.nonce));
  if (!follows) throw storeConflict('what is applied there is not what these changes follow');
  const idle = changes.every(({ documents }) => documents.length === 0);
  const searchable = meta.search.position === now.position;
  return { ...meta, applied, search: idle && searchable ? applied : meta.search };
}

/** The search position after a refresh that began when everything up to `applied` was written. */
export const refreshed = (meta: Meta, applied: Applied): Meta | null =>
  meta.search.position >= applied.position ? null : { ...meta, search: applied };
