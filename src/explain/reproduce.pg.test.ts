/** Every label of a run with many kinds of facts follows from its record; what was altered does not (docs/adr/0017). */
import { Pool } from 'pg';
import { copyToModel, freshRequest } from '../../test/harness/own-server.js';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.js';
import { readDecided } from '../decision/decided.js';
import { reproduce } from '../decision/reproduce.js';
import { createPostgresIngestStore } from '../ingest/postgres.js';
import { createIngest } from '../ingest/run.js';
import { begin, emit, record, type Message } from '../ingest/test-support/world.js';
import { keyOf, type ResultKey } from '../position/commit-log.js';
import { Highest } from '../position/highest.js';
import { createMemoryModel } from '../stores/memory.js';
import type { ReadModel } from '../stores/port.js';
import { createPostgresAudit } from '../stores/postgres/audit.js';
import { startClock } from '../stores/postgres/clock.js';
import { createPostgresLedgers } from '../stores/postgres/ledgers.js';
import { CONFIDENCE_LEVELS } from '../words.js';
import { explain } from './explain.js';
import { derive, follows, type LabelRecord } from './record.js';
import { levelOf } from './rules.js';
import { ENGINES, Facts, TOPICS } from './test-support/facts.js';

/** Only a bound for a busy machine. */
const LIMIT_MS = 120_000;
const HOUR_MS = 3_600_000;

let database: TestDatabase;
let pool: Pool;
let model: ReadModel;
beforeEach(async () => {
  database = await createTestDatabase();
  pool = new Pool({ connectionString: database.url, max: 6 });
  await startClock(pool, []);
  model = createMemoryModel();
}, LIMIT_MS);
afterEach(async () => {
  await pool.end();
  await database.drop();
}, LIMIT_MS);

async function factsOf(seed: number): Promise<Facts> {
  const highest = new Highest();
  const ingest = createIngest({ store: createPostgresIngestStore(pool), highest, engines: ENGINES });
  const facts = new Facts({ pool, highest, ingest, seed });
  await facts.begin();
  return facts;
}

interface Row extends ResultKey {
  readonly cap: string;
  readonly reasons: readonly string[];
  readonly decided: string | null;
}

const rowsOf = async (): Promise<readonly Row[]> =>
  (
    await pool.query<Row>(
      `select kind, business_key as "businessKey", engine, cap, reasons, decided from results order by 1, 2, 3`,
    )
  ).rows;

/** Rows whose cap or reasons do not follow from what is written down with them. */
const unfounded = (rows: readonly Row[]): string[] =>
  rows
    .filter(({ cap, reasons, decided }) => {
      const again = decided === null ? null : reproduce(readDecided(decided));
      return again?.cap !== cap || again.reasons.join() !== reasons.join();
    })
    .map(({ businessKey, engine, cap, reasons, decided }) =>
      JSON.stringify({ businessKey, engine, cap, reasons, decided }),
    );

interface Verdict {
  labels: number;
  readonly wrong: string[];
  readonly reasons: Set<string>;
  readonly levels: Set<string>;
}

/** As it is when it has travelled. */
const travelled = (record: LabelRecord): LabelRecord => JSON.parse(JSON.stringify(record)) as LabelRecord;

/** Each key, and two that nobody has, in both stores: what is served, against what follows from the record of the explanation. */
async function judge(rows: readonly Row[]): Promise<Verdict> {
  const reader = freshRequest(pool, model);
  const audit = createPostgresAudit(pool);
  const verdict: Verdict = { labels: 0, wrong: [], reasons: new Set(), levels: new Set() };
  const nobody = (['KAFKA_ONLY', 'FLINK'] as const).map((engine) => ({ kind: 'order', businessKey: 'nobody', engine }));
  for (const { kind, businessKey, engine } of [...rows, ...nobody]) {
    const key = { kind, businessKey, engine };
    const decision = await audit.decision(key);
    for (const store of ['POSTGRES', 'MONGODB'] as const) {
      const served = (await reader.rowFrom(store, key)).contract.claim;
      const { contract, assessment } = await reader.explained(store, key);
      const { rules, decidedBy, record, reproduced, toHigh } = explain({
        assessment,
        label: contract.claim,
        decision,
        open: null,
      });
      const again = derive(travelled(record));
      const known = assessment.row === null || assessment.row.position === decision?.position;
      const problems = [
        ...(follows(served, travelled(record)) === false ? ['label'] : []),
        ...(again.contract.confidenceLevel === served.confidenceLevel ? [] : ['level']),
        ...(reproduced === (known ? true : null) ? [] : [`reproduced ${reproduced}`]),
        ...(levelOf(rules) === served.confidenceLevel ? [] : [`rules allow ${levelOf(rules)}`]),
        ...(decidedBy === null && known ? ['no deciding rule'] : []),
        ...((toHigh.length === 0) === (served.confidenceLevel === 'HIGH') ? [] : ['no way to HIGH']),
      ];
      verdict.labels += 1;
      verdict.levels.add(`${store} ${served.confidenceLevel}`);
      for (const reason of served.reasons) verdict.reasons.add(reason);
      if (problems.length > 0)
        verdict.wrong.push(`${keyOf(key)} ${store}: ${problems.join()} ${JSON.stringify(record)}`);
    }
  }
  return verdict;
}

interface EventRow {
  readonly key: string;
  readonly at: string;
  readonly type: string;
  readonly level_before: string | null;
  readonly level_after: string;
  readonly decided: string | null;
}

/** What the runs below have met, all together. */
const met = { levels: new Set<string>(), reasons: new Set<string>() };

test.each([11, 12, 13])(
  'all labels of run %i follow from their records: caps, what is served from two stores, and each level of the history',
  async (seed) => {
    const facts = await factsOf(seed);
    await facts.go(70);
    await facts.calm(61);
    await copyToModel(pool, model);
    await facts.go(20);
    await facts.calm(63);
    const rows = await rowsOf();
    expect(rows.length).toBeGreaterThan(20);
    expect(unfounded(rows)).toEqual([]);
    const verdict = await judge(rows);
    expect(verdict.wrong).toEqual([]);
    expect(verdict.labels).toBe(2 * (rows.length + 2));
    for (const level of verdict.levels) met.levels.add(level);
    for (const reason of verdict.reasons) met.reasons.add(reason);
    const { rows: events } = await pool.query<EventRow>(
      `select engine || ' ' || business_key as key, position as at, type, level_before, level_after, decided from staleness_events
       where business_key is not null order by position, ordinal`,
    );
    expect(events.length).toBeGreaterThan(20);
    const unknown = events.filter(({ decided, level_after }) => {
      const again = decided === null ? null : reproduce(readDecided(decided));
      return again?.cap !== level_after;
    });
    expect(unknown).toEqual([]);
    // Each level of a key begins where the one before ends, and the last one is the row's.
    const levels = new Map<string, { readonly at: string; readonly before: string | null; readonly after: string }>();
    for (const { key, at, type, level_before: before, level_after: after } of events) {
      const known = levels.get(key);
      // One transaction may tell several things of a row.
      const due = known === undefined ? before : known.at === at ? known.before : known.after;
      expect([key, at, type, before]).toEqual([key, at, type, due]);
      levels.set(key, { at, before, after });
    }
    const ends = rows.flatMap(({ engine, businessKey, cap }) => {
      const last = levels.get(`${engine} ${businessKey}`)?.after;
      return last === undefined || last === cap ? [] : [`${engine} ${businessKey}: ${last}, not ${cap}`];
    });
    expect(ends).toEqual([]);
  },
  LIMIT_MS,
);

test('these runs have met every level in both stores, and most of the reasons that there are', () => {
  const levels = CONFIDENCE_LEVELS.flatMap((level) => [`POSTGRES ${level}`, `MONGODB ${level}`]);
  expect([...met.levels].sort()).toEqual(levels.sort());
  expect(met.reasons.size).toBeGreaterThanOrEqual(16);
});

test(
  'a record that was altered does not give the label any more, and is found',
  async () => {
    const facts = await factsOf(21);
    await facts.go(60);
    await copyToModel(pool, model);
    const before = await rowsOf();
    expect(unfounded(before)).toEqual([]);
    // From a record of an engine, whose coverage was known.
    const low = before.find(({ cap, decided }) => cap === 'LOW' && /^\S{8} \S[ol]\S{7}k/.test(decided ?? ''))!;
    const where = `where kind = '${low.kind}' and business_key = '${low.businessKey}' and engine = '${low.engine}'`;
    for (const set of [
      `cap = 'HIGH'`,
      `reasons = reasons || array['LATE_UPDATE']`,
      // The coverage was not known.
      `decided = overlay(decided placing 'm' from 19 for 1)`,
      `decided = '${low.decided!.split(' ').slice(0, 2).join(' ')} VIOLATION_SOURCE_EXPIRED ROLLBACK_REFUSED'`,
    ]) {
      await pool.query(`update results set ${set} ${where}`);
      const found = unfounded(await rowsOf());
      await pool.query(`update results set cap = $1, reasons = $2, decided = $3 ${where}`, [
        low.cap,
        low.reasons,
        low.decided,
      ]);
      expect([set, found.length]).toEqual([set, 1]);
    }
    const reader = freshRequest(pool, model);
    const high = before.filter(({ cap, decided }) => cap === 'HIGH' && decided?.slice(8, 11) === ' fo');
    const seen = await Promise.all(
      high.map(async ({ kind, businessKey, engine }) => {
        const key = { kind, businessKey, engine };
        const decision = await createPostgresAudit(pool).decision(key);
        return { decision, ...(await reader.explained('POSTGRES', key)) };
      }),
    );
    const { contract, assessment, decision } = seen.find((one) => one.contract.confidenceLevel === 'HIGH')!;
    const { record } = explain({ assessment, label: contract.claim, decision, open: null });
    expect(follows(contract.claim, record)).toBe(true);
    const altered = (over: object): LabelRecord => ({ ...record, assessment: { ...record.assessment, ...over } });
    const { row, now } = record.assessment;
    for (const other of [
      altered({ deadLetter: true }),
      altered({ proof: null }),
      altered({ applied: 'unknown' }),
      altered({ now: null }),
      altered({ row: { ...row, cap: 'LOW' } }),
      altered({ row: { ...row, reasons: ['LATE_UPDATE'] } }),
      altered({ row: { ...row, stale: true } }),
      altered({ now: (now ?? 0) + 30 * 24 * HOUR_MS * 1000, row: { ...row, final: false } }),
      { ...record, decided: record.decided!.replace(/ ./, ' k') },
    ])
      expect(follows(contract.claim, travelled(other))).toBe(false);
  },
  LIMIT_MS,
);

test(
  'a history is the key’s own, what happened to its pipeline since the row was made, and how far it reaches back',
  async () => {
    const facts = await factsOf(31);
    await facts.go(60);
    const ledgers = createPostgresLedgers(pool);
    const { rows } = await pool.query<ResultKey & { pipeline: string; first: string }>(
      `select kind, business_key as "businessKey", engine, pipeline, first_position as first from results
       where (engine, business_key) in (select engine, business_key from staleness_events) order by first_position limit 1`,
    );
    const { pipeline, first, ...key } = rows[0]!;
    const { events, prunedTo } = await ledgers.history({ ...key, pipeline, limit: 500 });
    const { rows: all } = await pool.query<{ place: string }>(
      `select position || '-' || ordinal as place from staleness_events
       where (business_key = $1 and engine = $2) or (business_key is null and pipeline = $3 and position >= $4)
       order by position desc, ordinal desc`,
      [key.businessKey, key.engine, pipeline, first],
    );
    expect(events.length).toBeGreaterThan(1);
    expect(events.map(({ position, ordinal }) => `${position}-${ordinal}`)).toEqual(all.map(({ place }) => place));
    expect(prunedTo).toEqual({ position: 0n, ordinal: expect.any(Number) });
    expect((await ledgers.history({ ...key, pipeline, limit: 1 })).events).toEqual(events.slice(0, 1));
    const nobody = { ...key, businessKey: 'nobody', pipeline: null };
    expect((await ledgers.history({ ...nobody, limit: 10 })).events).toEqual([]);
  },
  LIMIT_MS,
);

test(
  'a batch of many rows takes as many statements as one of a few: why each has its cap is written with it',
  async () => {
    let statements = 0;
    const counting = new Pool({ connectionString: database.url, max: 2 });
    counting.on('connect', (client) => {
      const query = client.query.bind(client) as (...args: unknown[]) => unknown;
      Object.assign(client, { query: (...args: unknown[]) => ((statements += 1), query(...args)) });
    });
    try {
      const store = createPostgresIngestStore(counting);
      const ingest = createIngest({ store, highest: new Highest(), engines: ENGINES });
      await ingest.start(TOPICS.KAFKA_ONLY, 0, { low: 0n, high: 0n });
      let offset = 0;
      let seq = 1;
      const deliver = async (...messages: readonly Message[]): Promise<number> => {
        const before = statements;
        const records = messages.map((message) => record(offset++, message));
        await ingest.handle({ topic: TOPICS.KAFKA_ONLY, partition: 0, records, transactional: false });
        return statements - before;
      };
      const fresh = (n: number): Message[] =>
        Array.from({ length: n }, () => emit('a', ++seq, { business_key: `005930@${seq}`, cause: 'LATE' }));
      await deliver(begin('a', 1));
      const few = await deliver(...fresh(2));
      expect(await deliver(...fresh(300))).toBe(few);
      expect(unfounded(await rowsOf())).toEqual([]);
    } finally {
      await counting.end();
    }
  },
  LIMIT_MS,
);
