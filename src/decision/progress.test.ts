import { slowest } from './progress.js';

const TWO = { '0': { '0': 10, '1': 5 }, '1': { '0': 8 } };

test('of a source partition the slowest subtask counts, and nothing is known as long as one has not spoken of it', () => {
  expect(slowest(TWO, 2)).toEqual({ '0': 8 });
  expect(slowest(TWO, 3)).toEqual({});
});

test('a job that does not say how many subtasks it has is taken at the word of those that spoke', () => {
  expect([slowest(TWO), slowest(TWO, null), slowest({}, null)]).toEqual([{ '0': 8, '1': 5 }, { '0': 8, '1': 5 }, {}]);
});
