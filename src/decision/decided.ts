/**
 * Why a row has its cap, small enough to be kept with every row: the words that the table saw, one character each, and the reasons
 * that do not follow from them. Pure.
 */
import { createHash } from 'node:crypto';
import type { Observation } from './observe.js';
import type { Decided } from './state.js';
import { DECISION_TABLE } from './table.js';

const IS_KNOWN = { KNOWN: 'k', MISSING: 'm' } as const;

/** Written down in rows: a character never gets another meaning, and a new word comes last. */
const CODES: { readonly [Word in keyof Observation]: Readonly<Record<Observation[Word], string>> } = {
  engine: { KAFKA_ONLY: 'k', FLINK: 'f' },
  arrival: { IN_ORDER: 'o', LATE: 'l', REPROCESSED: 'r', UNREQUESTED: 'u' },
  sink: { FINAL: 'f', OPEN: 'o' },
  run: { CURRENT: 'c', SUPERSEDED: 's', UNANNOUNCED: 'u' },
  begun: { IN_RUN: 'i', MAYBE_BEFORE_RUN: 'b' },
  stored: {
    NEW_KEY: 'n',
    SAME_RUN: 's',
    OTHER_RUN: 'o',
    ANCESTOR: 'a',
    OFF_LINEAGE: 'x',
    RESET: 'r',
    VERIFIED: 'v',
  },
  compared: {
    NONE: 'n',
    LESS: 'l',
    SAME: 's',
    CLOSING: 'c',
    REOPENING: 'r',
    CONFLICT: 'x',
    GREATER: 'g',
    INCOMPARABLE: 'i',
    UNKNOWN: 'u',
  },
  seq: { GAPLESS: 'g', AGAIN: 'a', GAP_BEFORE: 'b', MISSING: 'm' },
  revision: { FORWARD: 'f', REGRESSED: 'r', MISSING: 'm' },
  coverage: { KNOWN: 'k', MOVED: 'o', MISSING: 'm' },
  lost: { NONE: 'n', SOME: 's' },
  earlier: { KNOWN: 'k', MAYBE_EXPIRED: 'e' },
  tainted: { NO: 'n', YES: 'y' },
  lineage: IS_KNOWN,
  epoch: IS_KNOWN,
  delivery: IS_KNOWN,
  digest: IS_KNOWN,
  interval: IS_KNOWN,
};
const WORDS = Object.keys(CODES) as readonly (keyof Observation)[];
const codesOf = (word: keyof Observation): Readonly<Record<string, string>> => CODES[word];

/** What of the table decides levels and reasons, as one short text. */
export const TABLE = createHash('sha256')
  .update(JSON.stringify(DECISION_TABLE.map(({ engine, when, level, reason }) => [engine, when, level, reason])))
  .digest('hex')
  .slice(0, 8);

export const encodeObserved = (seen: Observation): string =>
  WORDS.map((word) => codesOf(word)[seen[word]] ?? '?').join('');

/** null: written by a release that knew other words. */
export function decodeObserved(text: string): Observation | null {
  if (text.length !== WORDS.length) return null;
  const found = WORDS.map((word, i) => [
    word,
    Object.entries(codesOf(word)).find(([, code]) => code === text[i])?.[0] ?? null,
  ]);
  return found.some(([, value]) => value === null) ? null : (Object.fromEntries(found) as Observation);
}

export const decidedBy = (seen: Observation, held: readonly string[]): Decided => ({
  table: TABLE,
  observed: encodeObserved(seen),
  held,
});

/** A row that a control record made: only what is held against it counts. */
export const BY_NO_RECORD: Decided = { table: TABLE, observed: null, held: [] };

/** More is held against the row. */
export const holding = (decided: Decided | null, reasons: readonly string[]): Decided | null =>
  decided === null || reasons.length === 0 ? decided : { ...decided, held: [...decided.held, ...reasons] };

/** The source records that could not be read are settled: nothing of the kind was seen, and nothing is held for it. */
export function forgiven(decided: Decided | null, reason: string): Decided | null {
  if (decided === null) return null;
  const { observed } = decided;
  const seen = observed === null ? null : decodeObserved(observed);
  return {
    ...decided,
    observed: seen === null ? observed : encodeObserved({ ...seen, lost: 'NONE' }),
    held: decided.held.filter((own) => own !== reason),
  };
}

const NO_WORDS = '-';

/** As it is kept in Postgres: `<table> <words> <reason> <reason> …`. */
export const writeDecided = ({ table, observed, held }: Decided): string =>
  [table, observed ?? NO_WORDS, ...held].join(' ');

/** Of what `writeDecided` wrote; of anything else something that nothing follows from. */
export function readDecided(text: string): Decided {
  const [table = '', observed = '', ...held] = text.split(' ');
  return { table, observed: observed === NO_WORDS ? null : observed, held };
}
