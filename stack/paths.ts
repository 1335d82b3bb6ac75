import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone that this file is part of. */
export const REPOSITORY = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

type Environment = Readonly<Record<string, string | undefined>>;

export interface Paths {
  /** Installed servers; shared by all clones of one user, survives a fresh clone. */
  readonly cache: string;
  /** Everything that the stack writes: one folder per clone. */
  readonly data: string;
  readonly logs: string;
  readonly run: string;
}

export const DATA_FOLDERS = [
  'kafka',
  'connect',
  'postgres',
  'mongodb',
  'elasticsearch',
  'clickhouse',
  'processor',
  'flink',
  'logs',
  'run',
] as const;
export type DataFolder = (typeof DATA_FOLDERS)[number];

/** Environment → folders. Pure except for the user's home. Root uses /var, because /root is closed to the user that runs Postgres. */
export function pathsFrom(env: Environment, root = process.getuid?.() === 0, home = homedir()): Paths {
  const userCache = join(env.XDG_CACHE_HOME || join(home, '.cache'), 'tidemark');
  const userData = join(env.XDG_DATA_HOME || join(home, '.local', 'share'), 'tidemark');
  const cache = resolve(env.TIDEMARK_CACHE || (root ? '/var/cache/tidemark' : userCache));
  const data = resolve(env.TIDEMARK_DATA || join(root ? '/var/lib/tidemark' : userData, shortHash(REPOSITORY)));
  return { cache, data, logs: join(data, 'logs'), run: join(data, 'run') };
}

/** The folders that this process's environment names. */
export const environmentPaths = (): Paths => pathsFrom(process.env);

/** Marks every process of the stack that lives on this data folder. */
export function stackIdOf(data: string): string {
  return shortHash(data);
}

export function folder(paths: Paths, name: DataFolder): string {
  return join(paths.data, name);
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
