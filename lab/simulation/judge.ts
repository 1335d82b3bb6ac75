/**
 * The verdict of a run. The checkers of the lab judge the history: what was claimed, and that the stores converged. Beside
 * them stands what only a simulation can know: what was written for good, and that nothing of it was lost or made up.
 */
import { convergence } from '../checkers/convergence.js';
import { noOverclaim } from '../checkers/no-overclaim.js';
import { monotonicReads } from '../checkers/sessions.js';
import { historyOf, type Document, type History, type Line, type Stored } from '../history/types.js';
import type { StoredResult } from '../../src/stores/port.js';
import type { Record } from './actors/client.js';
import { EPOCH_MS, type Source } from './actors/source.js';
import type { ResultRow } from './ports/postgres.js';
import { READ_MODELS, type World } from './world.js';

export interface Judged {
  /** Sentences that were found false, with the first evidence of each. */
  readonly violations: readonly string[];
  /** Distinct claims that were held against at least one sentence. */
  readonly claims: number;
}

const documentOf = (row: StoredResult): Document => ({
  kind: row.kind,
  engine: row.engine,
  businessKey: row.businessKey,
  value: row.calculatedValue,
  deleted: row.deleted,
  final: row.final,
  stale: row.stale,
  cap: row.cap,
  reasons: row.reasons,
  pipeline: row.pipeline,
  resultPartition: row.resultPartition,
  run: row.run,
  revision: row.revision,
  coverage: row.coverage,
});

function truthOf(world: World, committed: ReadonlyMap<number, number>): Line[] {
  const rows = new Map<number, ResultRow[]>();
  for (const row of world.postgres.versions) {
    const at = Number(row.position);
    const list = rows.get(at);
    if (list === undefined) rows.set(at, [row]);
    else list.push(row);
  }
  const { incarnation } = world.postgres.clock;
  return [...committed].map(([position, committedAtUs]) => ({
    type: 'truth',
    position,
    committedAtUs,
    incarnation,
    documents: (rows.get(position) ?? []).map(documentOf),
  }));
}

function dumpOf(store: Stored['store'], rows: Iterable<StoredResult>): Line[] {
  const lines = [...rows].map((row): Line => ({
    type: 'stored',
    store,
    kind: row.kind,
    engine: row.engine,
    businessKey: row.businessKey,
    value: row.calculatedValue,
    deleted: row.deleted,
    position: Number(row.position),
    cap: row.cap,
  }));
  return [...lines, { type: 'dumped', store, rows: lines.length }];
}

/** @param quietMs when everything had come to rest; null: it did not */
export function historyFrom(
  world: World,
  record: Record,
  committed: ReadonlyMap<number, number>,
  quietMs: number | null,
): History {
  const lines: Line[] = [
    {
      type: 'meta',
      run: 'simulation',
      started: { mono: 0, wall: EPOCH_MS },
      windowMs: 0,
      stores: ['POSTGRES', ...READ_MODELS],
      notes: {},
    },
    ...record.polls,
    ...truthOf(world, committed),
    ...record.answers,
    ...(quietMs === null ? [] : [{ type: 'quiet', at: quietMs } as const]),
    ...dumpOf('POSTGRES', world.postgres.results.values()),
    ...READ_MODELS.flatMap((store) => dumpOf(store, world.disk(store).collection?.values() ?? [])),
  ];
  return historyOf(lines);
}

/** Every accepted value was written for good, and what is not LOW is the fold of what it covers. */
function* accepted({ postgres, results }: World, source: Source): Generator<string> {
  for (const row of postgres.versions) {
    const where = `${row.engine} ${row.businessKey} at position ${row.position}`;
    if (row.resultOffset >= 0 && results.get(row.topic)?.isCommitted(BigInt(row.resultOffset)) === false) {
      yield `accepted: ${where} comes from an aborted record`;
    }
    if (row.cap === 'LOW' || row.stale) continue;
    const { total, quantity } = source.fold(row.businessKey, row.coverage);
    const { orders_total, quantity: said } = row.calculatedValue;
    if (orders_total !== total || said !== quantity) {
      yield `accepted: ${where} says ${JSON.stringify(row.calculatedValue)}, the fold says ${total}/${quantity}`;
    }
  }
}

/** No engine of the simulation loses output: whoever finds a gap in it has lost it itself. */
function* complete({ postgres }: World): Generator<string> {
  for (const { pipeline, facts } of postgres.facts.values()) {
    const { gaps } = JSON.parse(facts) as { gaps: object };
    if (Object.keys(gaps).length > 0) yield `complete: output of ${pipeline} was lost: ${JSON.stringify(gaps)}`;
  }
}

/** At the end, what is told of a key and is not LOW is the fold of all its events. */
function* settled(history: History, source: Source): Generator<string> {
  for (const { claims, started } of history.answers) {
    if (history.quiet === null || started.mono < history.quiet.at) continue;
    for (const claim of claims) {
      if (claim.subject !== 'row' || claim.contract.level === 'LOW') continue;
      const { total, quantity } = source.fold(claim.businessKey, null);
      if (claim.value === null || claim.value['orders_total'] !== total || claim.value['quantity'] !== quantity) {
        const { servedBy, level } = claim.contract;
        yield `settled: ${servedBy} says ${level} ${JSON.stringify(claim.value)} of ${claim.engine} ${claim.businessKey}, the fold says ${total}/${quantity}`;
      }
    }
  }
}

export function judge(world: World, history: History, source: Source): Judged {
  const verdicts = [noOverclaim(history), convergence(history), monotonicReads(history)];
  const said = verdicts.flatMap(({ checker, violations }) =>
    violations.map(({ sentence, key, evidence }) => `${checker}/${sentence}: ${key} ${JSON.stringify(evidence)}`),
  );
  const own = [...world.findings, ...accepted(world, source), ...complete(world), ...settled(history, source)];
  return { violations: [...own, ...said], claims: verdicts.reduce((sum, { claims }) => sum + claims, 0) };
}
