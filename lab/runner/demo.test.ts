import { stripVTControlCharacters } from 'node:util';
import { castOf } from './cast.js';
import { rowOf } from './demo-row.js';

test('a line says what was asked for and what the answer is worth; an age that nobody knows is none', () => {
  const told = { value: 27, confidenceLevel: 'EVENTUALLY_CONSISTENT', servedBy: 'MONGODB' } as const;
  const line = rowOf(14, 'anything', { ...told, stalenessMs: 3_240, reasons: [{ code: 'STORE_BEHIND' }] });
  expect(
    stripVTControlCharacters(line)
      .split(/\s{2,}/)
      .map((part) => part.trim()),
  ).toEqual([
    ...['', '14', 'anything', '27 orders', 'EVENTUALLY_CONSISTENT', 'MONGODB', '3.2 s', 'STORE_BEHIND'].slice(1),
  ]);
  expect(rowOf(1, 'STRONG', { ...told, stalenessMs: null, reasons: [] })).toContain('?');
  expect(rowOf(1, 'STRONG', 'no answer: SOME_CODE')).toContain('no answer: SOME_CODE');
});

test('a recording begins at its first line and keeps the pauses', () => {
  const [header, ...events] = castOf(
    [
      { atMs: 700, line: 'a' },
      { atMs: 1_950, line: 'b' },
    ],
    'demo',
  )
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  expect(header).toMatchObject({ version: 2, title: 'demo' });
  expect(events).toEqual([
    [0, 'o', 'a\r\n'],
    [1.25, 'o', 'b\r\n'],
  ]);
});
