import fc from 'fast-check';
import { goodHistory } from '../checkers/test-support/world.js';
import { Interner } from './intern.js';
import type { Line } from './types.js';

test('what is kept once reads as it was written', () => {
  const history = goodHistory();
  const lines: Line[] = [...history.truth, ...history.answers, ...history.stored, ...history.polls];
  const once = new Interner();
  const copies = lines.map((line) => once.line(JSON.parse(JSON.stringify(line)) as Line));
  expect(copies).toEqual(lines);
});

test('values that differ are never taken for one another, though key and position are the same', () => {
  fc.assert(
    fc.property(fc.array(fc.dictionary(fc.constantFrom('a', 'b'), fc.nat(2)), { maxLength: 20 }), (values) => {
      const once = new Interner();
      const stored = (value: Record<string, number>): Line => ({
        ...{ type: 'stored', store: 'POSTGRES', kind: 'k', engine: 'FLINK', businessKey: 'b' },
        ...{ value, deleted: false, position: 1, cap: 'HIGH' },
      });
      for (const value of values) expect(once.line(stored(value))).toEqual(stored(value));
    }),
  );
});
