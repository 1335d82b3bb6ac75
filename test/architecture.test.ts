import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IMPORT_RULES, IS_TEST } from '../import-rules.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^'";]*?from\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|(?:^|\n)\s*import\s*'([^']+)'/g;

interface Import {
  readonly file: string;
  readonly target: string;
}

/** Relative imports of a file, as paths from the root, `.ts` for the `.js` that ESM wants to read. */
export function importsOf(file: string, text: string): Import[] {
  return [...text.matchAll(IMPORT)]
    .map((match) => match[1] ?? match[2] ?? match[3] ?? '')
    .filter((target) => target.startsWith('.'))
    .map((target) => ({ file, target: posix.normalize(posix.join(dirname(file), target)).replace(/\.js$/, '.ts') }));
}

const inside = (path: string, room: string): boolean => path === room || path.startsWith(`${room}/`);

/** The most specific rule speaks: `src/contract/assess.ts` before `src/contract`. */
export function forbidden({ file, target }: Import): boolean {
  const rules = IMPORT_RULES.filter(({ from }) => inside(file, from)).sort((a, b) => b.from.length - a.from.length);
  const [rule] = rules;
  if (rule === undefined) return false;
  return ![rule.from, ...rule.may].some((room) => inside(target, room));
}

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--', '*.ts', '*.tsx'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && !IS_TEST.test(file));
const text = (file: string): string => readFileSync(`${root}/${file}`, 'utf8');

test('every import follows the directions of the house', () => {
  expect(files.length).toBeGreaterThan(50);
  expect(files.flatMap((file) => importsOf(file, text(file))).filter(forbidden)).toEqual([]);
});

test('a decision that reads a store is found', () => {
  const bad = importsOf('src/decision/decide.ts', `import { x } from '../stores/port.js';`);
  expect(bad.map(forbidden)).toEqual([true]);
  expect(importsOf('src/contract/assess.ts', `import { x } from './proof.js';`).map(forbidden)).toEqual([true]);
  expect(importsOf('src/stores/mongodb/read.ts', `import { x } from '../postgres/read.js';`).map(forbidden)).toEqual([
    true,
  ]);
});

test('kafkajs is known to the log consumer of src alone, process.env to its configuration', () => {
  const server = files.filter((file) => file.startsWith('src/'));
  expect(server.filter((file) => /'kafkajs['/]/.test(text(file))).sort()).toEqual([
    'src/ingest/consumer.ts',
    'src/ingest/kafkajs-fetch.ts',
  ]);
  expect(server.filter((file) => /process\.env\b/.test(text(file).replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')))).toEqual(
    ['src/config.ts'],
  );
});

test('the pure rooms read no clock, no chance and wait for nothing', () => {
  const pure = files.filter((file) =>
    ['src/decision', 'src/explain', 'src/position', 'src/contract/assess.ts', 'src/contract/route.ts'].some((room) =>
      inside(file, room),
    ),
  );
  expect(pure.length).toBeGreaterThan(5);
  expect(pure.filter((file) => /\bawait\b|Date\.now|new Date\(\)|Math\.random|performance\./.test(text(file)))).toEqual(
    [],
  );
});
