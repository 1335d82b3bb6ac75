/** Two engines' results of one key: do they agree, and if not, whose is to be doubted, and why? Pure. */
import { isDeepStrictEqual } from 'node:util';
import { compareCoverage, comparePlaces } from '../decision/coverage.js';
import type { StoredResult } from '../stores/port.js';
import type { RowEvidence } from '../stores/audit-port.js';
import { atLeast, ENGINE_FINDINGS, type EngineFindingCode, type ProcessingEngine } from '../words.js';
import type { Contract } from './assess.js';
import type { PipelineFact } from './proof-port.js';
import { reasonOf, type Reason } from './reason.js';

export interface EngineSide {
  readonly engine: ProcessingEngine;
  /** null: to those who ask for its kind this engine has no such result. */
  readonly row: StoredResult | null;
  readonly claim: Pick<Contract, 'confidenceLevel' | 'reasons'>;
  /** Of that very row; null: it changed meanwhile. */
  readonly evidence: Pick<RowEvidence, 'digest'> | null;
  /** Of this engine. */
  readonly pipelines: readonly Pick<PipelineFact, 'sources'>[];
}

export const ENGINE_VERDICTS = ['EQUAL', 'DIFFERENT', 'ONE_MISSING', 'BOTH_MISSING'] as const;
export type EngineVerdict = (typeof ENGINE_VERDICTS)[number];

export interface EngineFinding extends Reason {
  /** Of whom it is said; null: of both. */
  readonly engine: ProcessingEngine | null;
}

export interface ValueDifference {
  readonly field: string;
  readonly values: Readonly<Record<ProcessingEngine, unknown>>;
}

export interface EngineComparison {
  readonly verdict: EngineVerdict;
  readonly differences: readonly ValueDifference[];
  /** Whose value is to be doubted; null: nobody's, or nothing tells. */
  readonly suspect: ProcessingEngine | null;
  readonly why: readonly EngineFinding[];
}

const finding = (code: EngineFindingCode, engine: ProcessingEngine | null): EngineFinding => ({
  engine,
  code,
  message: ENGINE_FINDINGS[code],
});

/** The fields in which two values differ, in the order of their names. */
export function differing(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): readonly string[] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return names.filter((name) => !isDeepStrictEqual(a[name], b[name]));
}

/** How far the engine counts a source partition, in whichever result partition it is furthest back; null: it does not say. */
function nextOffset({ pipelines }: EngineSide, partition: string): number | null {
  const told = pipelines.map(({ sources }) => sources[partition]).filter((next) => next !== undefined);
  return told.length === 0 ? null : Math.min(...told.map(Number));
}

/** Why one engine has nothing where the other one has a result. */
function absence(without: EngineSide, having: StoredResult): EngineFinding {
  if (without.pipelines.length === 0) return finding('ENGINE_UNKNOWN', without.engine);
  const reached = Object.entries(having.coverage ?? {}).map(([p, [, last]]) => (nextOffset(without, p) ?? -1) > last);
  if (reached.length === 0) return finding('COVERAGE_UNKNOWN', having.engine);
  return finding(reached.every(Boolean) ? 'RESULT_MISSING' : 'NOT_READ_YET', without.engine);
}

/** What the evidence of both says of a difference between their values. */
function evidenced(a: EngineSide, b: EngineSide, rows: readonly [StoredResult, StoredResult], newestOnly: boolean) {
  const compared = (newestOnly ? comparePlaces : compareCoverage)(rows[0].coverage, rows[1].coverage);
  switch (compared) {
    case 'LESS':
      return { comparable: false, found: finding('FOLDED_LESS', a.engine) };
    case 'GREATER':
      return { comparable: false, found: finding('FOLDED_LESS', b.engine) };
    case 'INCOMPARABLE':
      return { comparable: false, found: finding('FOLDED_OTHER_OFFSETS', null) };
    case 'UNKNOWN':
      return { comparable: true, found: finding('COVERAGE_UNKNOWN', rows[0].coverage === null ? a.engine : b.engine) };
    case 'EQUAL': {
      const digests = [a.evidence?.digest ?? null, b.evidence?.digest ?? null];
      if (digests.includes(null)) return { comparable: true, found: finding('EVENTS_UNKNOWN', null) };
      return { comparable: true, found: finding(digests[0] === digests[1] ? 'OTHER_FOLD' : 'OTHER_EVENTS', null) };
    }
  }
}

/**
 * At equal coverage one of two different values is wrong: not the one that was recomputed from the source; nor the one that
 * can show more for itself (contract.md §3, ENGINE_DIVERGENCE).
 */
function suspectOf(a: EngineSide, b: EngineSide): ProcessingEngine | null {
  const verified = [a, b].filter(({ row }) => row?.verified === true);
  if (verified.length === 1) return verified[0] === a ? b.engine : a.engine;
  const [one, other] = [a.claim.confidenceLevel, b.claim.confidenceLevel];
  if (one === other) return null;
  return atLeast(one, other) ? b.engine : a.engine;
}

/** A deleted result keeps its last value. */
const said = ({ calculatedValue, deleted }: StoredResult): Readonly<Record<string, unknown>> => ({
  ...calculatedValue,
  ...(deleted ? { deleted } : {}),
});

/** @param newestOnly a result of this kind is what its newest record says: coverage is a place, not a span */
export function compareEngines(a: EngineSide, b: EngineSide, newestOnly: boolean): EngineComparison {
  const nothing = { differences: [], suspect: null };
  if (a.row === null && b.row === null) return { verdict: 'BOTH_MISSING', ...nothing, why: [] };
  if (a.row === null) return { verdict: 'ONE_MISSING', ...nothing, why: b.row === null ? [] : [absence(a, b.row)] };
  if (b.row === null) return { verdict: 'ONE_MISSING', ...nothing, why: [absence(b, a.row)] };
  const { found, comparable } = evidenced(a, b, [a.row, b.row], newestOnly);
  const [left, right] = [said(a.row), said(b.row)];
  const fields = differing(left, right);
  if (fields.length === 0) {
    // The values agree; that one of them lacks events, or counts others, is worth saying all the same.
    const telling = found.code !== 'OTHER_FOLD' && found.code !== 'EVENTS_UNKNOWN';
    return { verdict: 'EQUAL', ...nothing, why: telling ? [found] : [] };
  }
  const suspect = comparable ? suspectOf(a, b) : null;
  const held = [a, b].flatMap(({ engine, claim }) =>
    engine === suspect ? claim.reasons.map((code) => ({ engine, ...reasonOf(code) })) : [],
  );
  const differences = fields.map((field) => ({
    field,
    values: { [a.engine]: left[field], [b.engine]: right[field] } as ValueDifference['values'],
  }));
  return { verdict: 'DIFFERENT', differences, suspect, why: [found, ...held] };
}
