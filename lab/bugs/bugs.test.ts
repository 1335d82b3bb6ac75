import { readFileSync } from 'node:fs';
import { CHECKERS } from '../checkers/index.js';
import { BUGS, bugEnvironment, bugNamed } from './bugs.js';

const sourceOf = (file: string): string => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

test.each(BUGS)('the seeded bug $name still fits the sources, and a checker is named that must find it', (bug) => {
  expect(bug.edits.map(({ file, find }) => [file, sourceOf(file).split(find).length - 1])).toEqual(
    bug.edits.map(({ file }) => [file, 1]),
  );
  expect(Object.keys(CHECKERS)).toContain(bug.caughtBy.checker);
  expect(bugNamed(bug.name)).toBe(bug);
});

test('a program hears of its bug by its environment alone: no file of the server names one', () => {
  const [bug] = BUGS;
  const { NODE_OPTIONS, TIDEMARK_SEEDED_BUG } = bugEnvironment(bug!, '/seen');
  expect(NODE_OPTIONS).toMatch(/^--import=file:.*\/lab\/bugs\/load\.mjs$/);
  expect(JSON.parse(TIDEMARK_SEEDED_BUG ?? '')).toEqual({ name: bug?.name, edits: bug?.edits, seen: '/seen' });
});
