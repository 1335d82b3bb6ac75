import fc from 'fast-check';
import { textOf, unitsOf } from './stats.js';

test.each([
  ['0', '0'],
  ['144000000.00000001', '144000000.00000001'],
  ['-0.5', '-0.5'],
  ['73000.10', '73000.1'],
])('%s is added up exactly', (text, canonical) => {
  expect(textOf(unitsOf(text))).toBe(canonical);
});

test('units and text are inverse to each other', () => {
  fc.assert(fc.property(fc.bigInt(-(10n ** 60n), 10n ** 60n), (units) => unitsOf(textOf(units)) === units));
});
