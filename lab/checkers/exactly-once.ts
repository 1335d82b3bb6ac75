/** Exactly once: what was accepted and is not LOW counts each source event once; at the quiet end the truth is the fold. */
import type { Document, History } from '../history/types.js';
import { brief, End, faultsDuring, indexOf, isFolded, NOT_READ, SOURCE_CUT, type Indexed } from './claims.js';
import { equal } from './equal.js';
import type { Version } from './truth.js';
import { broken, Collector, unknown, type Outcome, type Verdict } from './verdict.js';

/** A row that is neither LOW nor marked stale equals the fold of the records up to its coverage. */
function counted(document: Document, { fold, history }: Indexed): Outcome {
  if (document.cap === 'LOW' || document.stale) return null;
  if (!isFolded(document.kind)) return unknown('no fold of this kind');
  if (document.coverage === null) return broken({ why: 'neither LOW nor a coverage' });
  if (history.quiet === null && fold.lacks(document.coverage)) return unknown(SOURCE_CUT);
  const folded = fold.fold(document.kind, document.businessKey, document.coverage);
  const right = folded !== null && folded.deleted === document.deleted && equal(folded.value, document.value);
  return right ? 'holds' : broken({ fold: folded?.value ?? null });
}

/** The last accepted row equals the fold of everything, unless it is LOW. */
function atTheEnd(key: string, kind: string, businessKey: string, end: End): Outcome {
  const { fold, truth, history } = end.indexed;
  if (history.quiet === null) return unknown('the history has no quiet end');
  if (!isFolded(kind)) return unknown('no fold of this kind');
  if (end.isLow(key)) return null;
  const row = truth.newest(key)?.document;
  const folded = fold.fold(kind, businessKey);
  if (row === undefined) return folded === null ? 'holds' : broken({ why: 'no row', fold: folded.value });
  const right = folded !== null && folded.deleted === row.deleted && equal(folded.value, row.value);
  if (!right && !end.wasRead(key)) return unknown(NOT_READ);
  return right ? 'holds' : broken({ fold: folded?.value ?? null, row: brief(truth.newest(key)) });
}

/** Every key that has a row or ought to have one, of each engine and kind that the truth has heard of. */
export function* expectedKeys({ truth, fold }: Indexed): Generator<[key: string, kind: string, businessKey: string]> {
  const known = new Set(truth.keys());
  const heard = new Set<string>();
  for (const key of known) {
    const document = truth.newest(key)?.document;
    if (document === undefined) continue;
    heard.add(`${document.kind}|${document.engine}`);
    yield [key, document.kind, document.businessKey];
  }
  for (const pair of heard) {
    const [kind = ''] = pair.split('|');
    for (const businessKey of fold.keys(kind)) {
      const key = `${pair}|${businessKey}`;
      if (!known.has(key)) yield [key, kind, businessKey];
    }
  }
}

const faultOf = ({ history, truth }: Indexed, { position }: Version): string => {
  const at = truth.seenAt(position);
  return at === null ? '' : faultsDuring(history, at, at);
};

export function exactlyOnce(history: History): Verdict {
  const indexed = indexOf(history);
  const { truth } = indexed;
  const collector = new Collector('exactly-once');
  for (const key of truth.keys()) {
    for (const version of truth.versions(key)) {
      const id = { key, position: version.position, fault: faultOf(indexed, version) };
      collector.note('counted-once', id, counted(version.document, indexed), () => ({ row: brief(version) }));
    }
  }
  const end = new End(indexed);
  for (const [key, kind, businessKey] of expectedKeys(indexed)) {
    const id = { key, position: truth.newest(key)?.position ?? null, fault: '' };
    collector.note('truth-is-the-fold', id, atTheEnd(key, kind, businessKey, end));
  }
  return collector.verdict();
}
