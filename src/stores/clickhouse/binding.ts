import { AppError } from '../../errors.js';
import type { Binding } from '../port.js';
import { positionUnknown, type ClickhousePlace } from './command.js';
import { DOCUMENT_VERSION } from './document.js';
import { readMeta, verifyIdentity, type Meta } from './position.js';

export interface Bound {
  readonly binding: Binding;
  /** The trusted one: null unless bound. */
  readonly meta: Meta | null;
  /** What is written there, trusted or not: a rebuild replaces exactly this. */
  readonly raw: Meta | null;
}

function trusted(raw: Meta | null): Meta {
  if (raw === null) throw positionUnknown('it holds no applied position');
  if (raw.documentVersion !== DOCUMENT_VERSION) {
    throw positionUnknown(`its documents are of version ${raw.documentVersion}`);
  }
  return raw;
}

/** @throws AppError STORE_UNAVAILABLE when ClickHouse doesn't answer: that says nothing about the binding */
export async function readBinding(place: ClickhousePlace): Promise<Bound> {
  const raw = await readMeta(place);
  try {
    const meta = trusted(raw);
    await verifyIdentity(place, meta);
    return { binding: { status: 'bound', applied: meta.applied }, meta, raw };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'POSITION_UNKNOWN') throw error;
    return { binding: { status: 'unbound', reason: error.message }, meta: null, raw };
  }
}

/** For readers, whose data carries the mark. @throws AppError POSITION_UNKNOWN */
export const readApplied = async (place: ClickhousePlace): Promise<Meta> => trusted(await readMeta(place));
