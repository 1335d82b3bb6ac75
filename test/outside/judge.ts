/** Builds the judge, a Go program of its own module, and asks it. */
import { join } from 'node:path';
import { execa } from 'execa';
import { StackError } from '../../stack/errors.js';
import { REPOSITORY } from '../../stack/paths.js';

export interface Check {
  readonly name: string;
  /** How often it could have been false. */
  readonly constrained: number;
  readonly violations: number;
  readonly examples: readonly string[];
}

export interface Verdict {
  readonly file: string;
  readonly ok: boolean;
  readonly sessions: number;
  readonly operations: number;
  readonly checks: readonly Check[];
}

const FOLDER = join(REPOSITORY, 'test', 'outside', 'checker');

/** @throws StackError with what to do, when there is no Go or its modules can't be fetched */
export async function buildJudge(into: string): Promise<(paths: readonly string[]) => Promise<Verdict[]>> {
  const version = await execa('go', ['version'], { reject: false });
  if (version.failed) {
    throw new StackError(
      'STACK_TOOL_MISSING',
      'The outside judge is a Go program and no Go was found: install Go 1.18 or newer (https://go.dev/dl, or Debian: apt install golang-go).',
    );
  }
  const binary = join(into, 'judge');
  const built = await execa('go', ['build', '-o', binary, '.'], { cwd: FOLDER, reject: false, all: true });
  if (built.failed) {
    throw new StackError(
      'STACK_INSTALL_FAILED',
      `The outside judge could not be built; its one module comes from GOPROXY (go env GOPROXY). Go says:\n${built.all}`,
    );
  }
  return async (paths) => {
    const run = await execa(binary, [...paths], { reject: false, maxBuffer: 1e8 });
    if (run.exitCode !== 0 && run.exitCode !== 1) throw new Error(`the judge could not read a history: ${run.stderr}`);
    return run.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Verdict);
  };
}
