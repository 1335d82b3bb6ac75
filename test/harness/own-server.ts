/** A server's reading half over a real Postgres and one read model that the test feeds itself: for tests of what an answer claims. */
import type { Pool } from 'pg';
import { createAdmission } from '../../src/contract/admission.js';
import { Observed } from '../../src/contract/observed.js';
import { createProofSource, monotonicMs, postgresClockRead } from '../../src/contract/proof.js';
import { RequestReader } from '../../src/contract/reader.js';
import { AppliedWatch } from '../../src/contract/watch.js';
import { Highest } from '../../src/position/highest.js';
import type { ReadModel, ResultReader, StoredResult } from '../../src/stores/port.js';
import { createPostgresReader } from '../../src/stores/postgres/read.js';
import { createTruth } from '../../src/stores/postgres/snapshot.js';
import { createPostgresStats } from '../../src/stores/postgres/stats.js';
import type { Store } from '../../src/words.js';

/** Only a bound for a busy machine. */
const LIMIT_MS = 120_000;
/** Nothing grows old while a test runs: a label must not change between two looks at it. */
const NEVER_MS = 3_600_000;

/** One request of a server that has seen nothing yet. `model` answers as MongoDB. */
export function freshRequest(pool: Pool, model: ReadModel): RequestReader {
  const proofs = createProofSource({
    read: postgresClockRead(pool),
    monotonicMs,
    horizon: { positions: 10_000, keys: 10_000 },
    timeoutMs: LIMIT_MS,
    highest: new Highest(),
    onRewound: () => undefined,
  });
  return new RequestReader({
    readers: new Map<Store, ResultReader>([
      ['POSTGRES', createPostgresReader(pool)],
      ['MONGODB', model],
    ]),
    search: null,
    stats: new Map([['POSTGRES', createPostgresStats(pool)]]),
    proofs,
    observed: new Observed(['MONGODB'], monotonicMs, 0),
    bounds: { pipelineSilentMs: NEVER_MS, staleMs: NEVER_MS },
    limits: { proofMs: LIMIT_MS, readMs: LIMIT_MS, answerMs: LIMIT_MS },
    clock: { now: () => proofs.now(), monotonicMs },
    freshenSyncs: async () => undefined,
    warn: (error) => {
      throw error;
    },
    admission: createAdmission({ concurrent: 10, queued: 100 }),
    watch: new AppliedWatch({ look: async () => null, everyMs: 25, most: 1, warn: () => undefined }),
  });
}

/** All that Postgres holds now, copied into the model as a rebuild does: what comes later is in flight until the test applies it. */
export async function copyToModel(pool: Pool, model: ReadModel): Promise<readonly StoredResult[]> {
  const snapshot = await createTruth(pool).snapshot();
  const copied: StoredResult[] = [];
  const batches = async function* (): AsyncGenerator<readonly StoredResult[]> {
    for await (const batch of snapshot.rows) {
      copied.push(...batch);
      yield batch;
    }
  };
  await model.rebuild(batches(), { ...snapshot.clock, resumeOffset: 0n }, () => undefined);
  await snapshot.close();
  return copied;
}
