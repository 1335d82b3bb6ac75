import { headerOf } from './index.js';
import { tokenOf } from './testing/samples.js';

test('a requirement is written as a dictionary of a structured field; nothing as nothing', () => {
  expect(headerOf({})).toBe('');
  expect(
    headerOf({
      minConfidence: 'HIGH',
      scope: 'STRONG',
      maxStalenessMs: 500,
      atLeast: tokenOf(1),
      onUnmet: 'WAIT',
      timeoutMs: 300,
    }),
  ).toBe(
    `min-confidence=HIGH, scope=STRONG, max-staleness-ms=500, at-least="${tokenOf(1)}", on-unmet=WAIT, timeout-ms=300`,
  );
});
