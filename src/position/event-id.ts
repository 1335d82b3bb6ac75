/**
 * The id of an event: its place in the one order, and the history of Postgres that it belongs to. After a restore from a copy the
 * same place may hold another event, so a place alone does not say where to go on. Pure.
 */
import { position, type Position } from './position.js';

/** The place of an event in the one order of all events: the transaction that wrote it, and its number in there. */
export interface EventPlace {
  readonly position: Position;
  readonly ordinal: number;
}

export interface EventId extends EventPlace {
  /** The beginning of the incarnation; null: of before events had one. */
  readonly history: string | null;
}

/** Behind all events of a position. */
export const LAST_ORDINAL = 2_147_483_647;
const TAG_LENGTH = 8;

export const historyOf = (incarnation: string | null): string | null => incarnation?.slice(0, TAG_LENGTH) ?? null;

/** < 0: `a` comes first. */
export const comparePlaces = (a: EventPlace, b: EventPlace): number =>
  a.position === b.position ? a.ordinal - b.ordinal : a.position < b.position ? -1 : 1;

export const idOf = (event: EventPlace & { readonly incarnation: string | null }): string => {
  const history = historyOf(event.incarnation);
  return `${event.position}-${event.ordinal}${history === null ? '' : `-${history}`}`;
};

/** null: it is no id. */
export function readId(text: string): EventId | null {
  const [, at, ordinal, history] = /^(\d{1,18})-(\d{1,10})(?:-([\da-f]{8}))?$/.exec(text) ?? [];
  if (at === undefined || ordinal === undefined || Number(ordinal) > LAST_ORDINAL) return null;
  return { position: position(at), ordinal: Number(ordinal), history: history ?? null };
}

/** What a snapshot says of an id, beside the events themselves. */
export interface Bounds {
  readonly clock: Position;
  readonly incarnation: string;
  /** This event and those before it may be gone. */
  readonly prunedTo: EventPlace;
  /** The event that stands at the id's place; null: none. */
  readonly at: { readonly incarnation: string | null } | null;
}

/**
 * KNOWN: everything after it is there. EXPIRED: something after it may have been pruned. UNKNOWN: it is of a history that was
 * replaced, so nobody can tell what came after it.
 */
export type Standing = 'KNOWN' | 'EXPIRED' | 'UNKNOWN';

export function standingOf(id: EventId, { clock, incarnation, prunedTo, at }: Bounds): Standing {
  if (id.position > clock) return 'UNKNOWN';
  const gone = comparePlaces(id, prunedTo);
  // An id of this history was given out in this history; one of an older history is known by the event that is still there.
  const known = id.history === historyOf(incarnation) || (at !== null && historyOf(at.incarnation) === id.history);
  if (known) return gone < 0 ? 'EXPIRED' : 'KNOWN';
  return gone <= 0 ? 'EXPIRED' : 'UNKNOWN';
}
