import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StackError } from '../errors.js';

export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Postgres refuses to run as root: as root it runs as `postgres` if that user exists, else as `nobody`; otherwise as ourselves. */
export function postgresUser(env: Readonly<Record<string, string | undefined>>): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = usersOf(readFileSync('/etc/passwd', 'utf8'));
  const wanted = env.TIDEMARK_POSTGRES_USER ? [env.TIDEMARK_POSTGRES_USER] : ['postgres', 'nobody'];
  const user = wanted
    .map((name) => users.find((each) => each.name === name))
    .find((each) => each !== undefined && each.uid !== 0);
  if (user !== undefined) return user;
  throw new StackError(
    'STACK_SETTING_INVALID',
    `Postgres must not run as root and there is no user ${wanted.join(' or ')}: set TIDEMARK_POSTGRES_USER to an unprivileged user.`,
  );
}

export function usersOf(passwd: string): SystemUser[] {
  return passwd.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':');
    return name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
  });
}

/** Refuses a folder whose parents the user cannot enter. */
export function requireReachable(folder: string, user: SystemUser, variable: string): void {
  for (let path = folder; path !== dirname(path); path = dirname(path)) {
    if (!mayEnter(path, user)) {
      throw new StackError(
        'STACK_FOLDER_CLOSED',
        `Postgres runs as ${user.name}, who cannot enter ${path}: set ${variable} to a folder whose parents are open to everybody, such as one below /var/lib.`,
      );
    }
  }
}

function mayEnter(path: string, user: SystemUser): boolean {
  const { mode, uid, gid } = statSync(path);
  if (uid === user.uid) return (mode & 0o100) !== 0;
  if (gid === user.gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}

/** Refuses a folder that we cannot write ourselves. */
export function requireWritable(folder: string, variable: string): void {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new StackError('STACK_FOLDER_CLOSED', `${folder} cannot be written: set ${variable} to a folder of yours.`, {
      cause,
    });
  }
}
