import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { cached } from '../../stack/install/cache.js';
import { environmentPaths } from '../../stack/paths.js';

const VERSION = '4.32.5';

/** Schemathesis from PyPI, in a folder of the shared cache. */
async function install(): Promise<string> {
  const folder = await cached(
    environmentPaths().cache,
    `schemathesis-${VERSION}`,
    async (staging) => {
      const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', staging];
      await execa('python3', [...pip, `schemathesis==${VERSION}`], { stdin: 'ignore' });
    },
    () => undefined,
  );
  return folder;
}

/** Random valid and invalid operations made from the introspected schema. Resolves with what it printed and how it ended. */
export async function schemathesis(
  url: string,
  examples: number,
): Promise<{ exitCode: number | undefined; output: string }> {
  const packages = await install();
  const cwd = mkdtempSync(join(tmpdir(), 'tidemark-schemathesis-'));
  try {
    const args = ['-m', 'schemathesis.cli', 'run', url, '--checks', 'every_error_is_the_callers'];
    const result = await execa(
      'python3',
      [...args, '--max-examples', String(examples), '--workers', '2', '--seed', '1'],
      {
        cwd,
        stdin: 'ignore',
        all: true,
        reject: false,
        env: {
          PYTHONPATH: packages,
          SCHEMATHESIS_HOOKS: fileURLToPath(new URL('../schemathesis_hooks.py', import.meta.url)),
        },
      },
    );
    return { exitCode: result.exitCode, output: result.all };
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}
