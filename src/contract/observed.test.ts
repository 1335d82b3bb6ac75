import { micros } from '../position/position.js';
import { Observed } from './observed.js';

const seen = (): Observed => new Observed(['MONGODB', 'ELASTICSEARCH'], () => 0, 0);

// Found by the simulation: a search said that it reflected what only a read by key could see.
test('what a read by key has found applied is not said of a search, which may not find it yet', () => {
  const observed = seen();
  observed.sawApplied('ELASTICSEARCH', micros(10), 'SEARCH');
  observed.sawApplied('ELASTICSEARCH', micros(20), 'EVENTUAL');
  expect([observed.lastSync('ELASTICSEARCH', 'SEARCH'), observed.lastSync('ELASTICSEARCH')]).toEqual([10, 20]);
});

test('what a search finds is applied, too; each of the times only grows', () => {
  const observed = seen();
  observed.sawApplied('ELASTICSEARCH', micros(30), 'SEARCH');
  observed.sawApplied('ELASTICSEARCH', micros(20), 'SEARCH');
  expect([observed.lastSync('ELASTICSEARCH', 'SEARCH'), observed.lastSync('ELASTICSEARCH')]).toEqual([30, 30]);
  expect(observed.lastSync('POSTGRES')).toBeNull();
  observed.sawApplied('MONGODB', micros(5));
  expect(observed.lastSync('POSTGRES', 'STRONG')).toBe(5);
});
