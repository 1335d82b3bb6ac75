/** The sentences of contract.md §2 that one answer can break by itself. Each is a function of a claim and the truth. Pure. */
import { brief, isFolded, SOURCE_CUT, type Indexed, type Seen } from './claims.js';
import { equal, holds } from './equal.js';
import { msOf, type Version } from './truth.js';
import { broken, unknown, type Outcome } from './verdict.js';

export type Sentence = (seen: Seen, indexed: Indexed) => Outcome;

const NOT_RECORDED = 'the accepted rows of that position were not recorded';
const versionOf = ({ claim, id }: Seen, { truth }: Indexed): Version | null =>
  claim.contract.position === null ? null : truth.at(id.key, claim.contract.position);

/** Was this position looked at? Where the recorder was blind, nothing that it did not find is a lie. */
const recorded = (position: number, { truth }: Indexed): boolean =>
  !truth.blind && position >= truth.from && position <= truth.last;

/** `position` is of the row: the row of that position has this value, and it had been accepted. */
const position: Sentence = (seen, indexed) => {
  const { claim, currentHigh } = seen;
  if (claim.value === null || claim.contract.position === null) return null;
  const at = claim.contract.position;
  if (currentHigh !== null && at > currentHigh) return broken({ why: 'not yet accepted', currentHigh });
  const version = versionOf(seen, indexed);
  if (version === null) {
    return recorded(at, indexed) ? broken({ why: 'that position did not change this key' }) : unknown(NOT_RECORDED);
  }
  // A deleted result may be shown as such (soft deletes): its value then says so itself.
  const right = holds(version.document.value, claim.value);
  return right ? 'holds' : broken({ why: 'another value was accepted', accepted: brief(version) });
};

/** No evidence, no HIGH. */
const evidence: Sentence = ({ claim: { contract } }) => {
  if (contract.level !== 'HIGH') return null;
  const missing = (['provenAt', 'asOf', 'stalenessMs'] as const).filter((name) => contract[name] === null);
  return missing.length === 0 ? 'holds' : broken({ missing });
};

/** HIGH: the fold of all decodable source events of its key up to the coverage. */
const highValue: Sentence = (seen, indexed) => {
  const { claim } = seen;
  if (claim.contract.level !== 'HIGH') return null;
  if (!isFolded(claim.kind)) return unknown('no fold of this kind');
  if (claim.value === null) return highAbsence(seen, indexed);
  const version = versionOf(seen, indexed);
  if (version === null) return unknown(NOT_RECORDED);
  const { coverage } = version.document;
  if (coverage === null) return broken({ why: 'HIGH without coverage' });
  if (indexed.history.quiet === null && indexed.fold.lacks(coverage)) return unknown(SOURCE_CUT);
  const folded = indexed.fold.fold(claim.kind, claim.businessKey, coverage);
  const right = folded !== null && holds(folded.value, claim.value) && equal(folded.value, version.document.value);
  return right ? 'holds' : broken({ fold: folded?.value ?? null, coverage });
};

/**
 * HIGH null: no record that was counted by then belongs to it; how far was counted is what `sourceAsOf` says. Of an engine
 * with checkpoints it says what they cover, and their output comes a moment later: there only the quiet end tells.
 */
const highAbsence: Sentence = ({ claim, answer }, { fold, history }) => {
  const folded = fold.fold(claim.kind, claim.businessKey);
  if (folded === null || folded.deleted) return 'holds';
  if (claim.engine === 'FLINK') {
    const afterAll = history.quiet !== null && answer.started.mono >= history.quiet.at;
    return afterAll
      ? broken({ fold: folded.value })
      : unknown('a null before the quiet end, of an engine with checkpoints');
  }
  const { sourceAsOf } = claim.contract;
  if (sourceAsOf === null) return unknown('a null without sourceAsOf says not how far was counted');
  const counted = folded.members.filter(({ appendedAtMs }) => appendedAtMs <= msOf(sourceAsOf));
  return counted.length === 0 ? 'holds' : broken({ fold: folded.value, counted });
};

/** HIGH: the newest accepted row as of a position ≥ the one that was current when the request began. */
const highNewest: Sentence = ({ claim, id, shown, currentLow }, { truth }) => {
  if (claim.contract.level !== 'HIGH') return null;
  if (truth.blind) return unknown(NOT_RECORDED);
  const next = truth.next(id.key, shown);
  return next === null || next.position > currentLow ? 'holds' : broken({ newer: brief(next) });
};

/** `provenAt`: read after the request began, already accepted, and the row was the newest there. */
const proven: Sentence = ({ claim, id, shown, currentLow, currentHigh }, { truth }) => {
  const { provenAt } = claim.contract;
  if (provenAt === null) return null;
  if (truth.blind) return unknown(NOT_RECORDED);
  if (currentHigh !== null && provenAt > currentHigh) return broken({ why: 'proven at a position that was not there' });
  if (provenAt < currentLow) return broken({ why: 'proven at a position older than the request' });
  // Which deletion a null has shown is not said (a label is written to it as a new row): the key was deleted there, or not.
  if (claim.value === null && claim.contract.position === null) {
    const there = truth.newest(id.key, provenAt);
    return (there?.document.deleted ?? true) ? 'holds' : broken({ why: 'a row was there', row: brief(there) });
  }
  if (shown > provenAt) return broken({ why: 'proven at a position older than the row' });
  const next = truth.next(id.key, shown);
  return next === null || next.position > provenAt ? 'holds' : broken({ why: 'a newer row', newer: brief(next) });
};

/** STRONG: read after the request began, so that it shows every write that had been committed before. */
const strong: Sentence = ({ claim, id, shown, currentLow }, { truth }) => {
  if (claim.contract.scope !== 'STRONG') return null;
  if (truth.blind) return unknown(NOT_RECORDED);
  const due = truth.newest(id.key, currentLow);
  return due === null || due.position <= shown ? 'holds' : broken({ missed: brief(due) });
};

/** `consistencyScope` names the path; a client that asked for STRONG and gets less is told so by the same field. */
const scope: Sentence = ({ claim: { contract } }) => {
  const paths = {
    STRONG: ['POSTGRES'],
    EVENTUAL: ['MONGODB', 'CLICKHOUSE', 'ELASTICSEARCH'],
    SEARCH: ['ELASTICSEARCH'],
  };
  return paths[contract.scope].includes(contract.servedBy) ? 'holds' : broken({ why: 'not a path of that scope' });
};

/** `asOf` is a commit time: of a position that had been accepted, and none newer than the proof. */
const asOfKnown: Sentence = ({ claim: { contract }, currentHigh }, { truth }) => {
  if (contract.asOf === null) return null;
  const at = truth.positionAt(contract.asOf);
  if (at === null) {
    return truth.blind || beforeRecording(contract.asOf, truth) ? unknown(NOT_RECORDED) : broken({ why: 'no write' });
  }
  if (currentHigh !== null && at > currentHigh) return broken({ why: 'of a write that was not there', at });
  const { provenAt } = contract;
  return provenAt !== null && at > provenAt ? broken({ why: 'newer than what was proven', at }) : 'holds';
};

const beforeRecording = (iso: string, truth: Indexed['truth']): boolean =>
  msOf(iso) * 1000 < (truth.committedAt(truth.from) ?? 0);

/** `asOf`: every write accepted up to that position is reflected. */
const asOf: Sentence = ({ claim, id, shown }, { truth }) => {
  if (claim.contract.asOf === null) return null;
  const at = truth.positionAt(claim.contract.asOf);
  if (at === null || truth.blind) return unknown(NOT_RECORDED);
  const due = truth.newest(id.key, at);
  return due === null || due.position <= shown ? 'holds' : broken({ missed: brief(due), asOfPosition: at });
};

/**
 * `stalenessMs` = time of sending − asOf, an upper bound of the true age. The answer was sent after the request began, in
 * Postgres' time not before the low bound of that, nor before anything that it speaks of had been committed. It is false
 * for certain if even then the age, or the time since a newer row was accepted, was more than was claimed.
 */
const staleness: Sentence = ({ claim, id, shown, answer }, { truth }) => {
  const { stalenessMs, asOf: at, provenAt } = claim.contract;
  if (stalenessMs === null) return null;
  if (at === null) return broken({ why: 'an age of nothing' });
  const begun = truth.clock.at(answer.started.mono)?.lowUs;
  if (begun === undefined || truth.blind) return unknown('the clocks were not compared');
  const sentUs = Math.max(begun, truth.committedAt(provenAt ?? -1) ?? 0, truth.committedAt(shown) ?? 0);
  const next = truth.next(id.key, shown);
  const trueMs = next === null ? 0 : (sentUs - next.committedAtUs) / 1000;
  // The texts are in whole milliseconds: `asOf` rounded down.
  const ageMs = sentUs / 1000 - (msOf(at) + 1);
  const least = Math.max(trueMs, ageMs);
  return stalenessMs >= least ? 'holds' : broken({ atLeast: least, trueMs, ageMs, next: brief(next) });
};

/** FLINK's `sourceAsOf`: every source record appended up to then was covered by a completed checkpoint when the answer came. */
const coveredAsOf: Sentence = ({ claim: { contract }, answer }, { covered }) => {
  if (contract.sourceAsOf === null) return null;
  const missing = covered.missing(contract.sourceAsOf, answer.ended.mono);
  if (missing === undefined) return unknown('nobody looked at what checkpoints cover');
  return missing === null ? 'holds' : broken({ ...missing });
};

/** `sourceAsOf`: every source record of this key appended up to then has been counted by the time of the answer. */
const sourceAsOf: Sentence = (seen, indexed) => {
  const { claim, id, currentHigh } = seen;
  if (claim.engine === 'FLINK') return coveredAsOf(seen, indexed);
  const { truth, fold } = indexed;
  const { sourceAsOf: upTo, level } = claim.contract;
  if (upTo === null || level === 'LOW' || claim.value === null) return null;
  if (!isFolded(claim.kind) || truth.blind) return unknown('no fold of this kind');
  const newest = truth.newest(id.key, currentHigh ?? truth.last)?.document;
  if (newest === undefined || newest.coverage === null) return unknown(NOT_RECORDED);
  // Lowered meanwhile: what it lacks is published.
  if (newest.cap === 'LOW') return null;
  const due = fold.fold(claim.kind, claim.businessKey)?.members.filter((m) => m.appendedAtMs <= msOf(upTo)) ?? [];
  const missing = due.filter((m) => m.offset > (newest.coverage?.[String(m.partition)]?.[1] ?? -1));
  return missing.length === 0 ? 'holds' : broken({ missing: missing.slice(0, 5), coverage: newest.coverage });
};

/** `lastCheckpointTime`: null for an engine that takes none. */
const checkpoint: Sentence = ({ claim }) => {
  if (claim.engine !== 'KAFKA_ONLY') return null;
  return claim.contract.lastCheckpointTime === null ? 'holds' : broken({ why: 'this engine takes no checkpoints' });
};

/** `lastCdcSyncTime`: the commit time of an accepted position, heartbeats included, never of one to come. */
const syncKnown: Sentence = ({ claim: { contract }, currentHigh }, { truth }) => {
  if (contract.lastCdcSyncTime === null) return null;
  const at = truth.positionAt(contract.lastCdcSyncTime);
  if (at === null) {
    const early = truth.blind || beforeRecording(contract.lastCdcSyncTime, truth);
    return early ? unknown(NOT_RECORDED) : broken({ why: 'no accepted write has this commit time' });
  }
  return currentHigh !== null && at > currentHigh ? broken({ why: 'of a write that was not there', at }) : 'holds';
};

export const ROW_SENTENCES: Readonly<Record<string, Sentence>> = {
  position,
  'high.evidence': evidence,
  'high.value': highValue,
  'high.newest': highNewest,
  proven,
  strong,
  scope,
  'as-of.known': asOfKnown,
  'as-of': asOf,
  staleness,
  'source-as-of': sourceAsOf,
  'checkpoint.none': checkpoint,
  'sync.known': syncKnown,
};
