import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ApolloServerErrorCode } from '@apollo/server/errors';
import { STACK_ERRORS } from '../stack/errors.js';
import { PARSE_CODES } from '../wire/control.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--', 'src/*.ts', 'stack/*.ts'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && !/\.test\.ts$|\/test-support\/|\/testing\/|conformance/.test(file));
const sources = files.map((file) => readFileSync(`${root}/${file}`, 'utf8'));

const found = (pattern: RegExp): string[] =>
  sources.flatMap((text) => [...text.matchAll(pattern)].map((match) => match[1] ?? ''));
const sorted = (codes: Iterable<string>): string[] => [...new Set(codes)].sort();

/** Written where it is thrown, given to a helper that throws it, or put into an answer. */
const CODES = [
  /new (?:AppError|StackError)\(\s*'([A-Z][A-Z_]+)'/g,
  /\bsuper\(\s*'([A-Z][A-Z_]+)'/g,
  /\bwithin\([^']{0,80}'([A-Z][A-Z_]+)'/g,
  /error\.code : '([A-Z][A-Z_]+)'/g,
  /\b(?:refuse|fail)\(\s*'([A-Z][A-Z_]+)'/g,
  /\berrorBody\(\s*'([A-Z][A-Z_]+)'/g,
  /\bextensions: \{ code: '([A-Z][A-Z_]+)'/g,
  /\bFST_ERR_\w+: '([A-Z][A-Z_]+)'/g,
];
const CAUSES = [/new Broken\(\s*'([A-Z][A-Z_]+)'/g, /letterOf\(record, place, '([A-Z][A-Z_]+)'/g];

/** The codes of a section of the page: the first column of its tables. */
function documented(from: string, to: string | null): string[] {
  const page = readFileSync(`${root}/docs/ERRORS.md`, 'utf8');
  const start = page.indexOf(from);
  expect(start).toBeGreaterThan(-1);
  const section = page.slice(start, to === null ? undefined : page.indexOf(to));
  const codes = [...section.matchAll(/^\| `([A-Z][A-Z_]+)` \| \S/gm)].map((match) => match[1] ?? '');
  expect(sorted(codes).length).toBe(codes.length);
  return sorted(codes);
}

test('every code that an error can carry has its line in docs/ERRORS.md, and every line is of such a code', () => {
  const codes = [...CODES.flatMap(found), ...Object.keys(STACK_ERRORS), ...Object.values(ApolloServerErrorCode)];
  // Masked: clients get INTERNAL.
  expect(documented('## Of the server', '## Causes')).toEqual(
    sorted(codes).filter((code) => code !== 'INTERNAL_SERVER_ERROR'),
  );
});

test('every cause of a dead letter has its line, too', () => {
  expect(documented('## Causes', null)).toEqual(sorted([...CAUSES.flatMap(found), ...PARSE_CODES]));
});

test('the search finds a code wherever one is given', () => {
  const text = `new AppError(\n  'ONE_CODE', refuse('TWO_CODE', errorBody('THREE', { extensions: { code: 'FOUR',`;
  expect(CODES.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1]))).toEqual([
    'ONE_CODE',
    'TWO_CODE',
    'THREE',
    'FOUR',
  ]);
  expect(found(/new AppError\(/g).length).toBeGreaterThan(20);
});
