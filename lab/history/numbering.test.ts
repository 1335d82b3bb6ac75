import { Numbering } from './numbering.js';
import { outputOf } from './outputs.js';

const message = (run: string, seq: number | null): string => JSON.stringify({ run: { id: run, subtask: 0 }, seq });

test('what the server calls lost was there if every number up to it was read in its own partition, repetitions or not', () => {
  const numbering = new Numbering();
  for (const seq of [1, 2, 2, 3, 1, 4]) numbering.take(0, message('whole', seq));
  for (const seq of [1, 2, 5, 6]) numbering.take(0, message('holes', seq));
  for (const seq of [3, 4]) numbering.take(1, message('begun before', seq));
  for (const value of ['', 'null', '{', '{"seq":1}', message('unnumbered', null)]) numbering.take(0, value);

  const gaps = { 'whole/0': 4, 'holes/0': 5, 'begun before/0': 4, 'unnumbered/0': 1 };
  expect(outputOf(0, gaps, numbering)).toMatchObject({ partition: 0, gaps, there: ['whole/0'] });
  // Not yet read so far, or of another partition: nobody knows.
  expect(outputOf(0, { 'whole/0': 5 }, numbering).there).toEqual([]);
  expect(outputOf(1, { 'whole/0': 4 }, numbering).there).toEqual([]);
});
