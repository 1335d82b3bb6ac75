import { APP_USER, withClient } from '../servers/postgres.js';
import { StackError } from '../errors.js';
import { DATABASE } from '../settings.js';

/** Passwords travel in addresses and through the image's scripts unescaped. */
const PASSWORD = /^[A-Za-z0-9_.~-]{8,}$/;

/** @throws StackError for a password that could not travel: asked before anything is changed */
export function passwordOf(appUrl: string): string {
  const { password } = new URL(appUrl);
  if (PASSWORD.test(password)) return password;
  throw new StackError(
    'STACK_SETTING_INVALID',
    'POSTGRES_PASSWORD must have at least 8 characters, all of them letters, digits or one of _ . ~ -',
  );
}

/**
 * The server's role, which is no superuser, with the password of `appUrl`, and its database. Again: the password is
 * brought up to date, the rest stays.
 */
export async function ensureAppDatabase(superuserUrl: string, appUrl: string): Promise<void> {
  const password = passwordOf(appUrl);
  await withClient(superuserUrl, async (client) => {
    const role = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [APP_USER]);
    const verb = role.rowCount === 0 ? 'CREATE' : 'ALTER';
    // PASSWORD takes no parameter; what it may hold was checked above.
    await client.query(`${verb} ROLE ${APP_USER} LOGIN REPLICATION CREATEDB PASSWORD '${password}'`);
    await client.query(`GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO ${APP_USER}`);
    const database = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (database.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE} OWNER ${APP_USER}`);
  });
}
