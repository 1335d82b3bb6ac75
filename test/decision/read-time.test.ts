/** What is claimed when a row is read, against a table written by hand from contract.md §3: each case, ± 1 ms at thresholds. */
import { assess, type Assessment } from '../../src/contract/assess.js';
import { READ_TIME_RULES } from '../../src/decision/read-rules.js';
import { micros, position, type Micros } from '../../src/position/position.js';
import type { ConfidenceLevel, ProcessingEngine } from '../../src/words.js';
import { readCsv, type CsvRow } from './csv.js';

const NOW = micros(1_000_000_000);
const ago = (cell: string): Micros => micros(NOW - Number(cell) * 1000);
const orNull = (cell: string): number | null => (cell === '?' ? null : Number(cell));
const cell = (row: CsvRow, column: string, usual: string): string => row[column] || usual;
const list = (text: string): string[] => (text === '' ? [] : text.split('|'));

function pipelineOf(row: CsvRow, engine: ProcessingEngine): NonNullable<Assessment['pipeline']> {
  const progress = cell(row, 'progress', '?');
  const proven = cell(row, 'proven', '0');
  const flink = engine === 'FLINK';
  return {
    state: cell(row, 'state', 'RUNNING') as 'RUNNING' | 'STOPPING',
    lastHeartbeatAt: ago(cell(row, 'heard', '0')),
    lastCheckpointTime: null,
    sourceAsOf: null,
    owners: flink ? {} : { '0': 'cur' },
    gapRuns: [],
    resumed: false,
    lossOffset: row['loss'] === '' ? null : Number(row['loss']),
    checkpoints: flink
      ? {
          run: 'cur',
          lineage: [['old', 41]],
          completed: orNull(cell(row, 'completed', '43')),
          progress: progress === '?' ? {} : { '0': Number(progress) },
          provenAt: proven === '?' ? null : ago(proven),
          intervalMs: 1_000,
        }
      : null,
  };
}

function build(row: CsvRow): Assessment {
  const engine = row['engine'] as ProcessingEngine;
  const store = cell(row, 'store', 'proven');
  const behind = { position: position(45), incarnation: 'i', committedAt: ago(cell(row, 'age', '0')) };
  const proof = { position: position(50), committedAt: NOW, incarnation: 'i', floor: position(1) };
  return {
    store: store === 'postgres' ? 'POSTGRES' : 'MONGODB',
    scope: store === 'postgres' ? 'STRONG' : 'EVENTUAL',
    engine,
    row: {
      kind: 'k',
      businessKey: 'b',
      engine,
      cap: cell(row, 'cap', 'HIGH') as ConfidenceLevel,
      reasons: list(row['reasons'] ?? ''),
      final: row['final'] !== 'no',
      stale: false,
      lastCheckpointTime: null,
      run: cell(row, 'run', 'cur'),
      epoch: engine === 'FLINK' ? orNull(cell(row, 'epoch', '43')) : null,
      resultOffset: 50,
      verified: row['verified'] === 'yes',
      coverage: { '0': [10, 20] },
      position: position(40),
    },
    pipeline: pipelineOf(row, engine),
    deadLetter: false,
    diverged: store === 'diverged',
    proof,
    pending: store === 'behind' ? { position: position(46), cap: 'HIGH', reasons: [] } : null,
    applied: store === 'postgres' ? null : store === 'unknown' ? 'unknown' : behind,
    lastCdcSync: null,
    now: NOW,
    bounds: { pipelineSilentMs: 10_000, staleMs: 5_000 },
  };
}

const CASES = readCsv('./read-time.csv');

test.each(CASES.map((row) => [row['case'] ?? '', row] as const))('%s', (_, row) => {
  const { confidenceLevel, reasons, stale } = assess(build(row));
  expect([confidenceLevel, [...reasons].sort(), stale]).toEqual([
    row['level'],
    list(row['why'] ?? '').sort(),
    row['stale'] === 'yes',
  ]);
});

test('every reason that is held when a row is read has a case', () => {
  const shown = new Set(CASES.flatMap((row) => list(row['why'] ?? '')));
  // Held by a control record, by who recomputes, who compares the engines, a dead letter, and against a null or a set: plan, worker, dead-letters, assess.
  const elsewhere = [
    'VIOLATION_LATE_DROPPED',
    'VIOLATION_SOURCE_EXPIRED',
    'VIOLATION_ENGINE_DIVERGENCE',
    'VIOLATION_DEAD_LETTER',
    'RESULT_EXPIRED',
  ];
  const reasons = READ_TIME_RULES.map(({ reason }) => String(reason));
  expect(reasons.filter((reason) => !shown.has(reason) && !elsewhere.includes(reason))).toEqual([]);
});
