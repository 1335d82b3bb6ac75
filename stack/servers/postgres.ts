import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { Client } from 'pg';
import { StackError } from '../errors.js';
import type { ComponentSpec } from '../process/component.js';
import { processesOf } from '../process/identify.js';
import { DATABASE, POSTGRES_SETTINGS } from '../settings.js';
import type { ServerContext } from './context.js';
import type { SystemUser } from './postgres-user.js';
import type { Secrets } from './secrets.js';

export const SUPERUSER = 'postgres';
export const APP_USER = 'tidemark';

export interface PostgresInstall {
  readonly native: string;
  readonly user: SystemUser | undefined;
  readonly secrets: Secrets;
  /** Added to or instead of the settings of settings.ts; tests switch fsync off. */
  readonly settings?: Readonly<Record<string, string>>;
}

export function postgresUrl(
  port: number,
  password: string,
  database: string = DATABASE,
  user: string = APP_USER,
): string {
  return `postgres://${user}:${password}@127.0.0.1:${port}/${database}`;
}

/** Postgres 18 as a child of ours: initialised at the first start. */
export async function postgresSpec(context: ServerContext, install: PostgresInstall): Promise<ComponentSpec> {
  const folder = context.folder('postgres');
  const data = join(folder, 'data');
  const { native, user, secrets } = install;
  const port = context.ports.postgres;
  const env = { ...context.env, LC_ALL: 'C', TZ: 'UTC', PGDATA: undefined };
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  if (!existsSync(join(data, 'PG_VERSION'))) await initialise({ folder, data, install, env });
  const settings = { ...POSTGRES_SETTINGS, ...install.settings };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  return {
    name: 'postgres',
    command: join(native, 'bin', 'postgres'),
    args: [
      '-D',
      data,
      '-p',
      String(port),
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      'unix_socket_directories=',
      ...options,
    ],
    env,
    cwd: folder,
    ...(user && { user: { uid: user.uid, gid: user.gid } }),
    log: context.log('postgres'),
    // "Fast": sessions are ended, everything is written.
    stopSignal: 'SIGINT',
    stopTimeoutMs: 20_000,
    readyTimeoutMs: 60_000,
    isReady: () => answers(postgresUrl(port, secrets.superuserPassword, 'postgres', SUPERUSER)),
    beforeSpawn: () => dropStalePidFile(data, context.stackId),
  };
}

interface Initialisation {
  readonly folder: string;
  readonly data: string;
  readonly install: PostgresInstall;
  readonly env: Readonly<Record<string, string | undefined>>;
}

async function initialise({ folder, data, install, env }: Initialisation): Promise<void> {
  const { native, user, secrets } = install;
  const half = `${data}.half`;
  const passwordFile = join(folder, 'initial-password');
  rmSync(half, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(passwordFile, secrets.superuserPassword, { mode: 0o600 });
  if (user !== undefined) chownSync(passwordFile, user.uid, user.gid);
  try {
    const args = [
      '-D',
      half,
      '-U',
      SUPERUSER,
      `--pwfile=${passwordFile}`,
      '-A',
      'scram-sha-256',
      '-E',
      'UTF8',
      '--locale=C',
      '--no-instructions',
    ];
    const owner = user && { uid: user.uid, gid: user.gid };
    const result = await execa(join(native, 'bin', 'initdb'), args, {
      cwd: folder,
      env,
      extendEnv: false,
      reject: false,
      all: true,
      stdin: 'ignore',
      ...owner,
    });
    if (result.failed) {
      throw new StackError(
        'STACK_COMPONENT_FAILED',
        `Postgres could not make its data folder ${data}: ${String(result.all || result.shortMessage)
          .trim()
          .split('\n')
          .at(-1)}`,
      );
    }
    renameSync(half, data);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** A pid file that outlived its Postgres may name a process number that somebody else has now; Postgres would refuse to start. */
function dropStalePidFile(data: string, stackId: string): void {
  const path = join(data, 'postmaster.pid');
  if (!existsSync(path)) return;
  const pid = Number(readFileSync(path, 'utf8').split('\n')[0]);
  if (!processesOf(stackId).some((found) => found.pid === pid)) rmSync(path, { force: true });
}

async function answers(url: string): Promise<boolean> {
  await withClient(url, (client) => client.query('SELECT 1'));
  return true;
}

export async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: 2_000,
    application_name: 'tidemark-stack',
  });
  // A lost connection also rejects the query in flight; without a listener it would end the launcher.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** The application's role, which is no superuser, and its database. */
export async function ensureDatabase(port: number, secrets: Secrets): Promise<string> {
  await withClient(postgresUrl(port, secrets.superuserPassword, 'postgres', SUPERUSER), async (client) => {
    const role = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [APP_USER]);
    if (role.rowCount === 0) {
      await client.query(`CREATE ROLE ${APP_USER} LOGIN REPLICATION CREATEDB PASSWORD '${secrets.password}'`);
    }
    await client.query(`GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO ${APP_USER}`);
    const database = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (database.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE} OWNER ${APP_USER}`);
  });
  return postgresUrl(port, secrets.password);
}
