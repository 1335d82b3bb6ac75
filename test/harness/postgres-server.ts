import { installPostgres } from '../../stack/install/postgres.js';
import { migrateDatabase } from '../../stack/migrate.js';
import { Component } from '../../stack/process/component.js';
import { silent } from '../../stack/progress.js';
import { ensureDatabase, postgresSpec } from '../../stack/servers/postgres.js';
import { postgresUser } from '../../stack/servers/postgres-user.js';
import { secretsOf } from '../../stack/servers/secrets.js';
import { killAtExit } from './kill-at-exit.js';
import { makeSandbox } from './sandbox.js';

export interface ThrowawayPostgres {
  /** The migrated database, from which each test file clones its own. */
  readonly templateUrl: string;
  stop(): Promise<void>;
}

/** Nothing in it has to survive the machine. */
const FAST = { fsync: 'off', full_page_writes: 'off', max_replication_slots: '20', max_wal_senders: '20' };

/** The stack's own Postgres, alone, in a folder that is removed with it. */
export async function startPostgres(): Promise<ThrowawayPostgres> {
  const sandbox = await makeSandbox('pg');
  const step = silent.step('postgres');
  const native = await installPostgres(sandbox.paths.cache, step);
  const secrets = secretsOf(sandbox.paths.data);
  const user = postgresUser(sandbox.env);
  const spec = await postgresSpec(sandbox.context, { native, user, secrets, settings: FAST });
  const component = new Component(spec, (sentence) => process.stderr.write(`${sentence}\n`));
  killAtExit(component);
  await component.start();
  const templateUrl = await ensureDatabase(sandbox.ports.postgres, secrets);
  await migrateDatabase(templateUrl);
  return {
    templateUrl,
    stop: async () => {
      await component.stop();
      sandbox.remove();
    },
  };
}
