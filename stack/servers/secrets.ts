import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Made once for each data folder, readable by its owner alone. */
export interface Secrets {
  readonly superuserPassword: string;
  readonly password: string;
}

export function secretsPath(data: string): string {
  return join(data, 'secrets.json');
}

export function secretsOf(data: string): Secrets {
  const path = secretsPath(data);
  if (!existsSync(path)) {
    const secrets: Secrets = { superuserPassword: password(), password: password() };
    writeFileSync(`${path}.new`, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
  return JSON.parse(readFileSync(path, 'utf8')) as Secrets;
}

function password(): string {
  return randomBytes(24).toString('hex');
}
