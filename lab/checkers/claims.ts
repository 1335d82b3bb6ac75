/** The row claims of a history, each with what the recorder knows of its moment. Shared by the checkers. Pure. */
import { keyOf, type Answer, type Fault, type History, type RowClaim } from '../history/types.js';
import { Covered } from './covered.js';
import { FOLDED_KINDS, SourceFold } from './fold.js';
import { TruthIndex, type Version } from './truth.js';
import type { ClaimId } from './verdict.js';

export interface Seen {
  readonly answer: Answer;
  readonly claim: RowClaim;
  readonly id: ClaimId;
  /** The newest version that the answer can have shown: of a null, the last deletion that could have been read. */
  readonly shown: number;
  /** A position that was current when the request began. */
  readonly currentLow: number;
  /** Nothing beyond was accepted before the answer had come; null: nobody looked later. */
  readonly currentHigh: number | null;
}

export interface Indexed {
  readonly history: History;
  readonly truth: TruthIndex;
  readonly fold: SourceFold;
  readonly covered: Covered;
  readonly seen: readonly Seen[];
}

const overlaps = (fault: Fault, from: number, to: number): boolean =>
  fault.started.mono <= to && (fault.healed?.mono ?? Infinity) >= from;

/** The faults that were on at some time between; empty: none. */
export const faultsDuring = (history: History, from: number, to: number): string =>
  history.faults
    .filter((fault) => overlaps(fault, from, to))
    .map((fault) => `${fault.kind}#${fault.id}`)
    .join('+');

function shownBy(claim: RowClaim, truth: TruthIndex, high: number | null): number {
  if (claim.value !== null && claim.contract.position !== null) return claim.contract.position;
  const gone = truth
    .versions(keyOf(claim))
    .filter(({ document, position }) => document.deleted && position <= (high ?? Infinity));
  return claim.contract.position ?? gone.at(-1)?.position ?? 0;
}

const indexes = new WeakMap<History, Indexed>();

/** Made once per history: every checker asks it. */
export function indexOf(history: History): Indexed {
  const known = indexes.get(history);
  if (known !== undefined) return known;
  const truth = new TruthIndex(history);
  const seen: Seen[] = [];
  for (const answer of history.answers) {
    const fault = faultsDuring(history, answer.started.mono, answer.ended.mono);
    const currentLow = truth.currentLow(answer.started.mono);
    const currentHigh = truth.currentHigh(answer.ended.mono);
    for (const claim of answer.claims) {
      if (claim.subject !== 'row') continue;
      const id = { key: keyOf(claim), position: claim.contract.position, fault };
      seen.push({ answer, claim, id, shown: shownBy(claim, truth, currentHigh), currentLow, currentHigh });
    }
  }
  const fold = new SourceFold(history.events, history.meta.windowMs);
  const indexed = { history, truth, fold, covered: new Covered(history), seen };
  indexes.set(history, indexed);
  return indexed;
}

/** For the evidence of a violation. */
export const describe = ({ answer, claim, currentLow, currentHigh }: Seen): Record<string, unknown> => ({
  answer: answer.id,
  session: answer.session,
  started: answer.started,
  ended: answer.ended,
  value: claim.value,
  contract: claim.contract,
  currentLow,
  currentHigh,
});

export const brief = (version: Version | null): Record<string, unknown> | null =>
  version && {
    position: version.position,
    committedAtUs: version.committedAtUs,
    value: version.document.value,
    cap: version.document.cap,
    reasons: version.document.reasons,
  };

/** What the end of a history says of a key: the levels it was last served with, and the last accepted row. */
export class End {
  private readonly lastAnswers = new Map<string, Seen[]>();

  constructor(readonly indexed: Indexed) {
    const quiet = indexed.history.quiet;
    if (quiet === null) return;
    for (const one of indexed.seen) {
      if (one.answer.started.mono < quiet.at) continue;
      const list = this.lastAnswers.get(one.id.key) ?? [];
      list.push(one);
      this.lastAnswers.set(one.id.key, list);
    }
  }

  answers(key: string): readonly Seen[] {
    return this.lastAnswers.get(key) ?? [];
  }

  /** Without a last answer nobody knows whether facts lower the row. Of what is missing the recorder asks for sure (missing.ts). */
  wasRead(key: string): boolean {
    return this.indexed.truth.newest(key) === null || this.answers(key).length > 0;
  }

  /** LOW by its stored cap, or by what the server says of it (facts lower open rows when they are read, ADR 6). */
  isLow(key: string): boolean {
    const cap = this.indexed.truth.newest(key)?.document.cap;
    return cap === 'LOW' || this.answers(key).some(({ claim }) => claim.contract.level === 'LOW');
  }
}

export const isFolded = (kind: string): boolean => FOLDED_KINDS.includes(kind);

export const NOT_READ = 'not read again at the end, so that its level is not known';
/** Without a quiet end the source was not written down to its end: a row may count records that nobody has seen. */
export const SOURCE_CUT = 'the source was not written down so far';
