import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Made once for each data folder, readable by its owner alone. */
export interface Secrets {
  readonly superuserPassword: string;
  readonly password: string;
}

/** A Java properties file, because Kafka Connect reads the password from it. */
export function secretsPath(data: string): string {
  return join(data, 'secrets.properties');
}

/** What stands in the connector's settings instead of the password: those are shown to everybody who asks Connect. */
export function passwordReference(data: string): string {
  return `\${file:${secretsPath(data)}:password}`;
}

export function secretsOf(data: string): Secrets {
  const path = secretsPath(data);
  if (!existsSync(path)) {
    const text = `password=${randomPassword()}\nsuperuserPassword=${randomPassword()}\n`;
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
  const lines = readFileSync(path, 'utf8').split('\n');
  return { password: valueOf(lines, 'password'), superuserPassword: valueOf(lines, 'superuserPassword') };
}

function valueOf(lines: readonly string[], name: string): string {
  const line = lines.find((each) => each.startsWith(`${name}=`));
  if (line === undefined) throw new Error(`The secrets file has no ${name}.`);
  return line.slice(name.length + 1);
}

function randomPassword(): string {
  return randomBytes(24).toString('hex');
}
