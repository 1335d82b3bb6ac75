/**
 * What a read model holds against what Postgres holds (contract.md §7; docs/adr/0018). Pure.
 *
 * The store was read first, its applied position before its documents, and Postgres after both. So everything that was accepted up to the
 * applied position must be in the documents, and no document can be newer than Postgres' row. Whatever a store that merely lags
 * holds is left alone.
 */
import { isDeepStrictEqual } from 'node:util';
import { keyOf, type ResultKey } from '../position/commit-log.js';
import { isExpired } from '../position/expiry.js';
import type { Position } from '../position/position.js';
import { encodeDocument } from '../stores/document.js';
import { compareText } from '../stores/listing.js';
import type { Scanned, ScanRange, StoredResult } from '../stores/port.js';

/**
 * MISSING: the row's document is not there. LEFT_BEHIND: an older one is, though the store says that it has applied the newer. VALUE:
 * another one is, or what can't be read. EXTRA: one is there that Postgres knows nothing of.
 */
export const DIVERGENCES = ['MISSING', 'LEFT_BEHIND', 'VALUE', 'EXTRA'] as const;
export type DivergenceType = (typeof DIVERGENCES)[number];

export interface Divergence extends ResultKey {
  readonly type: DivergenceType;
  /** Of the document that was found; null: there was none, or it has none. */
  readonly documentPosition: Position | null;
}

/** What both sides were read at. */
export interface ComparedAt {
  /** The store's applied position, read before its documents. */
  readonly applied: Position;
  /** Results last changed at or below it are shown to nobody (ADR 10). */
  readonly expiredTo: Position | null;
}

/** IN_FLIGHT: the row is newer than the applied position; nobody can say yet. */
export type Verdict = DivergenceType | 'EQUAL' | 'IN_FLIGHT';

/** @param found undefined: no document lies there; `result` null: none that can be read */
export function judge(row: StoredResult | null, found: Scanned | undefined, at: ComparedAt): Verdict {
  const shown = (result: StoredResult): boolean => !isExpired(result.position, { to: at.expiredTo });
  const document = found?.result ?? null;
  if (row === null) {
    if (found === undefined || (document !== null && (document.deleted || !shown(document)))) return 'EQUAL';
    return 'EXTRA';
  }
  if (row.position > at.applied) return 'IN_FLIGHT';
  // Neither is shown. Removed later, or earlier, by either store.
  if (!shown(row) && (found === undefined || (document !== null && !shown(document)))) return 'EQUAL';
  if (found === undefined) return 'MISSING';
  if (document === null) return 'VALUE';
  if (document.position < row.position) return 'LEFT_BEHIND';
  return document.position === row.position && isSame(document, row) ? 'EQUAL' : 'VALUE';
}

/** Everything that an answer, its contract or a listing is made of. */
const isSame = (a: StoredResult, b: StoredResult): boolean => isDeepStrictEqual(a, b) || content(a) === content(b);

function content(result: StoredResult): string {
  const { last_checkpoint_time: checkpoint, ...document } = encodeDocument(result);
  const at = checkpoint == null ? null : Date.parse(checkpoint);
  return JSON.stringify([document, at, result.committedAt], (_, value: unknown) => ordered(value));
}

/** Whatever order a store keeps the members of an object in. */
const ordered = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

export interface Compared {
  readonly divergences: readonly Divergence[];
  /** Keys about which something could be said. */
  readonly keys: number;
  /** Everything up to it was compared; null: everything there is of the kind and engine. */
  readonly upTo: string | null;
}

/** One range, both ways. @param rows of Postgres, of the same range and limit, in the same order */
export function compare(
  range: ScanRange,
  scanned: readonly Scanned[],
  rows: readonly StoredResult[],
  at: ComparedAt,
): Compared {
  // A full page says nothing of what comes behind its last key.
  const ends = [scanned, rows].flatMap((page) => (page.length < range.limit ? [] : [page.at(-1)?.businessKey ?? '']));
  const upTo = ends.reduce<string | null>((a, b) => (a === null || compareText(b, a) < 0 ? b : a), null);
  const found = new Map(scanned.map((document) => [document.businessKey, document]));
  const known = new Map(rows.map((row) => [row.businessKey, row]));
  const keys = [...new Set([...known.keys(), ...found.keys()])].filter(
    (businessKey) => upTo === null || compareText(businessKey, upTo) <= 0,
  );
  const verdicts = keys.map((businessKey) => {
    const document = found.get(businessKey);
    const verdict = judge(known.get(businessKey) ?? null, document, at);
    return { businessKey, verdict, documentPosition: document?.result?.position ?? null };
  });
  return {
    divergences: verdicts.flatMap(({ verdict, ...rest }) =>
      isDivergence(verdict) ? [{ kind: range.kind, engine: range.engine, ...rest, type: verdict }] : [],
    ),
    keys: verdicts.filter(({ verdict }) => verdict !== 'IN_FLIGHT').length,
    upTo,
  };
}

const isDivergence = (verdict: Verdict): verdict is DivergenceType => verdict !== 'EQUAL' && verdict !== 'IN_FLIGHT';

/** What was found divergent, looked at again by the path that answers take. */
export function judgeAgain(
  divergences: readonly Divergence[],
  documents: readonly (StoredResult | null)[],
  rows: ReadonlyMap<string, StoredResult>,
  at: ComparedAt,
): { readonly repaired: readonly Divergence[]; readonly open: readonly Divergence[] } {
  const repaired: Divergence[] = [];
  const open: Divergence[] = [];
  for (const [index, divergence] of divergences.entries()) {
    const document = documents[index] ?? null;
    const found = document === null ? undefined : { businessKey: document.businessKey, result: document };
    const verdict = judge(rows.get(keyOf(divergence)) ?? null, found, at);
    if (verdict === 'EQUAL') repaired.push(divergence);
    else if (isDivergence(verdict))
      open.push({ ...divergence, type: verdict, documentPosition: document?.position ?? null });
  }
  return { repaired, open };
}
