import { Pool } from 'pg';
import { createTestDatabase } from '../../test/harness/postgres.js';
import { postgresClockRead } from '../contract/proof.js';
import { startClock } from '../stores/postgres/clock.js';
import { describeIngestStore } from './conformance.js';
import { createPostgresIngestStore } from './postgres.js';

describeIngestStore('Postgres', async () => {
  const database = await createTestDatabase();
  const pool = new Pool({ connectionString: database.url, max: 5 });
  await startClock(pool, []);
  return {
    store: createPostgresIngestStore(pool),
    read: postgresClockRead(pool),
    close: async () => {
      await pool.end();
      await database.drop();
    },
  };
});
