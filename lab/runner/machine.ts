/** Where and of what a run was made: said with its result. */
import { cpus, totalmem } from 'node:os';
import { execa } from 'execa';
import { REPOSITORY } from '../../stack/paths.js';
import type { Run } from '../soak/report.js';

export const machine = (): Run['machine'] => ({
  cpus: cpus().length,
  model: cpus()[0]?.model ?? 'unknown',
  'memory GiB': Math.round(totalmem() / 2 ** 30),
  node: process.version,
  platform: `${process.platform}-${process.arch}`,
});

/** Of this clone, and whether it was changed since. */
export async function commit(): Promise<string> {
  const git = async (...args: string[]): Promise<string> =>
    (await execa('git', args, { cwd: REPOSITORY, reject: false })).stdout.trim();
  const dirty = (await git('status', '--porcelain', '--', '.', ':!docs/results')) !== '';
  return `${await git('rev-parse', 'HEAD')}${dirty ? ' and changes' : ''}`;
}
