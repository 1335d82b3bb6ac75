/** Whatever happens to a row, its document in the log is the row: or the auditor would call every store divergent that applied it. */
import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.js';
import { ENGINES, Facts } from '../explain/test-support/facts.js';
import { createPostgresIngestStore } from '../ingest/postgres.js';
import { createIngest } from '../ingest/run.js';
import { Highest } from '../position/highest.js';
import { micros, position } from '../position/position.js';
import { copyOf } from '../stores/conformance.data.js';
import { decodeDocument } from '../stores/document.js';
import { createMemoryModel } from '../stores/memory.js';
import type { Change, ReadModel } from '../stores/port.js';
import { startClock } from '../stores/postgres/clock.js';
import { Auditor } from './auditor.js';
import type { Divergence } from './compare.js';

/** Of a slow, loaded machine. */
const LIMIT_MS = 180_000;

let database: TestDatabase;
let pool: Pool;
let model: ReadModel;
beforeEach(async () => {
  database = await createTestDatabase();
  pool = new Pool({ connectionString: database.url, max: 6 });
  await startClock(pool, []);
  model = createMemoryModel();
  const { rows } = await pool.query<{ nonce: string; incarnation: string }>(
    'select nonce, incarnation from commit_clock',
  );
  const applied = { position: position(0), committedAt: micros(0), resumeOffset: 0n };
  await model.rebuild(copyOf(), { ...applied, ...rows[0]! }, () => undefined);
}, LIMIT_MS);
afterEach(async () => {
  await pool.end();
  await database.drop();
}, LIMIT_MS);

type LogRow = Record<'position' | 'nonce' | 'predecessor' | 'incarnation' | 'committed_at_us' | 'documents', string>;

/** The whole log, as a projection applies it. */
async function project(): Promise<void> {
  const { rows } = await pool.query<LogRow>('select * from commit_log order by position, part');
  const changes = new Map<string, Change>();
  for (const row of rows) {
    const [at, committedAt] = [position(row.position), micros(row.committed_at_us)];
    const documents = (JSON.parse(row.documents) as unknown[]).map((json) => decodeDocument(json, at, committedAt));
    const { nonce, predecessor, incarnation } = row;
    const before = changes.get(row.position)?.documents ?? [];
    const change = { position: at, nonce, predecessor, incarnation, committedAt };
    changes.set(row.position, { ...change, documents: [...before, ...documents] });
  }
  const all = [...changes.values()];
  const { position: at, nonce, incarnation, committedAt } = all.at(-1)!;
  await model.apply(all, { position: at, nonce, incarnation, committedAt, resumeOffset: at });
}

test.each([11, 12, 13])(
  'of random runs of both engines (%i), with restarts, restores, late drops, recomputations and dead letters, no document differs from its row',
  async (seed) => {
    const highest = new Highest();
    const ingest = createIngest({ store: createPostgresIngestStore(pool), highest, engines: ENGINES });
    const facts = new Facts({ pool, highest, ingest, seed });
    await facts.begin();
    await facts.go(60);
    await project();
    const found: Divergence[] = [];
    let compared = 0;
    let finished = false;
    const tell = {
      compared: (_: string, keys: number) => void (compared += keys),
      found: (_: string, all: readonly Divergence[]) => void found.push(...all),
      finished: () => void (finished = true),
    };
    const auditor = new Auditor({ pool, highest, kinds: [], rows: 20, holder: randomUUID(), tell });
    while (!finished) await auditor.round(model);
    expect(found).toEqual([]);
    const { rows } = await pool.query<{ count: string; engines: string }>(
      'select count(*), count(distinct engine) as engines from results',
    );
    expect([String(compared), rows[0]?.engines]).toEqual([rows[0]?.count, '2']);
  },
  LIMIT_MS,
);
