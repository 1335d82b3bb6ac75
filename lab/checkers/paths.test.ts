import { goodHistory } from './test-support/world.js';
import { pathsOf, silentPaths } from './paths.js';

test('a way of reading that only ever fails is named, one that answers is not', () => {
  const { answers } = goodHistory();
  const failed = answers.map((answer) => ({ ...answer, query: 'windowHistory', claims: [], error: 'too much' }));
  const paths = pathsOf([...answers, ...failed]);
  expect(paths['windowHistory']).toEqual({
    ...{ answers: answers.length, errors: answers.length, claims: 0, usualError: 'too much' },
  });
  expect(paths['orderWindow']).toMatchObject({ errors: 0, usualError: null });
  expect(silentPaths(paths)).toEqual(['windowHistory']);
});
