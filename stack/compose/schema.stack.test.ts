/** The compose specification's own schema, by a checker that shares nothing with what wrote the file. Fetched once with pip. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { cached } from '../install/cache.js';
import { requirePython } from '../install/tools.js';
import { environmentPaths, REPOSITORY } from '../paths.js';
import { composeFile, composeText } from './file.js';

const VERSION = '0.39.0';
let python: string;
let packages: string;

beforeAll(async () => {
  python = await requirePython();
  packages = await cached(
    environmentPaths().cache,
    `check-jsonschema-${VERSION}`,
    async (staging) => {
      const pip = [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--disable-pip-version-check',
        '--no-cache-dir',
        '--only-binary',
        ':all:',
      ];
      await execa(python, [...pip, '--target', staging, `check-jsonschema==${VERSION}`], { stdin: 'ignore' });
    },
    () => undefined,
  );
}, 120_000);

const check = (file: string) =>
  execa(python, ['-m', 'check_jsonschema', '--builtin-schema', 'vendor.compose-spec', file], {
    env: { PYTHONPATH: packages },
    reject: false,
    all: true,
  });

test('docker-compose.yml fits the schema of the compose specification', async () => {
  const result = await check(join(REPOSITORY, 'docker-compose.yml'));
  expect({ output: result.all, code: result.exitCode }).toEqual({ output: 'ok -- validation done', code: 0 });
});

test('the checker refuses a file that does not', async () => {
  const work = mkdtempSync(join(tmpdir(), 'tidemark-compose-'));
  try {
    writeFileSync(join(work, 'bad.yml'), composeText().replace('restart: ', 'restarts: '));
    const result = await check(join(work, 'bad.yml'));
    expect(result.exitCode).not.toBe(0);
    expect(result.all).toContain('restarts');
  } finally {
    rmSync(work, { recursive: true });
  }
});

test.each(['1.1', '1.2'])('a parser of YAML %s that is not ours reads what was meant', async (version) => {
  const program = `
import json, sys
from ruamel.yaml import YAML
yaml = YAML(typ='safe', pure=True)
yaml.version = tuple(int(part) for part in sys.argv[2].split('.'))
print(json.dumps(yaml.load(open(sys.argv[1]))))`;
  const { stdout } = await execa(python, ['-c', program, join(REPOSITORY, 'docker-compose.yml'), version], {
    env: { PYTHONPATH: packages },
  });
  expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(composeFile())));
});
