import { AppError } from '../../errors.js';
import type { Answer, Applied, Binding } from '../port.js';
import { DOCUMENT_VERSION } from './document.js';
import { parseMeta, readRawMeta, type Meta, type RawMeta, type Stored } from './position.js';
import { positionUnknown, type ElasticPlace } from './request.js';
import { uuids } from './schema.js';

export interface Bound {
  readonly binding: Binding;
  /** The trusted one: null unless bound. */
  readonly stored: Stored | null;
  /** What is written there, trusted or not: a rebuild replaces exactly this. */
  readonly raw: RawMeta | null;
}

/**
 * Is the index that the position speaks of still there, the very same one? A UUID never comes back, so that what was
 * read or written under this name *before* the question was read from or written to that index.
 */
export async function verifyIdentity(place: ElasticPlace, { index, indexUuid }: Meta): Promise<void> {
  const found = (await uuids(place, index)).get(index);
  if (found !== indexUuid) throw positionUnknown('its index was deleted or replaced');
}

function trusted(raw: RawMeta | null): Stored {
  if (raw === null) throw positionUnknown('it holds no applied position');
  const version: unknown = raw.source?.document_version;
  if (version !== DOCUMENT_VERSION) throw positionUnknown(`its documents are of version ${String(version)}`);
  return { meta: parseMeta(raw.source), raw };
}

const isUnknown = (error: unknown): error is AppError => error instanceof AppError && error.code === 'POSITION_UNKNOWN';

/** @throws AppError STORE_UNAVAILABLE when Elasticsearch doesn't answer: that says nothing about the binding */
export async function readBinding(place: ElasticPlace): Promise<Bound> {
  const raw = await readRawMeta(place);
  try {
    const stored = trusted(raw);
    await verifyIdentity(place, stored.meta);
    return { binding: { status: 'bound', applied: stored.meta.applied }, stored, raw };
  } catch (error) {
    if (!isUnknown(error)) throw error;
    return { binding: { status: 'unbound', reason: error.message }, stored: null, raw };
  }
}

/**
 * Position, then data, then the identity of what the data was read from.
 * @throws AppError POSITION_UNKNOWN (wiped, being rebuilt for the first time) or STORE_UNAVAILABLE, both retryable
 */
export async function answer<T>(
  place: ElasticPlace,
  reached: (meta: Meta) => Applied,
  data: (meta: Meta) => Promise<T>,
): Promise<Answer<T>> {
  const once = async (): Promise<Answer<T>> => {
    const { meta } = trusted(await readRawMeta(place));
    const found = await data(meta);
    await verifyIdentity(place, meta);
    return { applied: reached(meta), data: found };
  };
  try {
    return await once();
  } catch (error) {
    // A swap, and the end of the old index, between the reads: the position read again knows the new one.
    if (isUnknown(error)) return once();
    throw error;
  }
}
