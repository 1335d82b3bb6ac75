import fc from 'fast-check';
import { appliedOf, History } from '../conformance.data.js';
import type { Change } from '../port.js';
import { advanced, refreshed, type Meta } from './position.js';

const start = (history: History): Meta => ({
  index: 'i',
  indexUuid: 'u',
  documentVersion: 1,
  applied: history.now(),
  search: history.now(),
  previous: null,
});

/** What happens to the document: a change of so many documents, delivered again or not, or a refresh. */
const step = fc.oneof(
  fc.record({ kind: fc.constant('apply' as const), documents: fc.nat(2), again: fc.boolean() }),
  fc.record({ kind: fc.constant('refresh begins' as const) }),
  fc.record({ kind: fc.constant('refresh ends' as const) }),
);

test('the search position never passes the applied one, nor a change that no refresh began after', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const history = new History();
      const written: Change[] = [];
      let meta = start(history);
      let began = meta.applied;
      let made = began;
      for (const each of steps) {
        if (each.kind === 'refresh begins') began = meta.applied;
        else if (each.kind === 'refresh ends') {
          made = began;
          meta = refreshed(meta, began) ?? meta;
        } else {
          const change = history.commit(
            ...Array.from({ length: each.documents }, (_, n) => ({ businessKey: `k${n}` })),
          );
          written.push(change);
          meta = advanced(meta, [change], appliedOf(change)) ?? meta;
          if (each.again) expect(advanced(meta, [change], appliedOf(change))).toBeNull();
        }
        expect(meta.applied.position).toBe(history.now().position);
        expect(meta.search.position).toBeLessThanOrEqual(meta.applied.position);
        const unseen = written.filter(({ position, documents }) => documents.length > 0 && position > made.position);
        for (const { position } of unseen) expect(meta.search.position).toBeLessThan(position);
      }
    }),
  );
});

test('a hole, another history, another incarnation and an empty claim of something new are conflicts', () => {
  const history = new History();
  const meta = start(history);
  const [one, two] = [history.commit(), history.commit()];
  const foreign = new History('incarnation-2').commit();
  const conflict = expect.objectContaining({ code: 'STORE_CONFLICT', retryable: true }) as Error;
  expect(() => advanced(meta, [two], appliedOf(two))).toThrow(conflict);
  expect(() => advanced(meta, [{ ...one, predecessor: 'forged' }], appliedOf(one))).toThrow(conflict);
  expect(() => advanced(meta, [foreign], appliedOf(foreign))).toThrow(conflict);
  expect(() => advanced(meta, [], appliedOf(one))).toThrow(conflict);
  expect(() => advanced(meta, [], { ...meta.applied, nonce: 'forged' })).toThrow(conflict);
  expect(advanced(meta, [one, two], appliedOf(two))?.applied).toEqual(appliedOf(two));
});
