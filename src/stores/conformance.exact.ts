import fc from 'fast-check';
import type { Claim } from './conformance.js';
import { copyOf, History, key, result } from './conformance.data.js';
import { bindEmpty } from './conformance.writes.js';

/** What JSON can carry, as a parser gives it back; no NUL, which Postgres refuses long before. */
const json = fc
  .dictionary(fc.stringMatching(/^[a-z][a-z0-9_]{0,12}$/), fc.jsonValue({ maxDepth: 3, stringUnit: 'grapheme' }), {
    maxKeys: 6,
  })
  .map((value) => JSON.parse(JSON.stringify(value).replaceAll('\\u0000', '')) as Record<string, unknown>);

const written = fc.record({
  calculatedValue: json,
  deleted: fc.boolean(),
  final: fc.boolean(),
  stale: fc.boolean(),
  cap: fc.constantFrom('HIGH' as const, 'EVENTUALLY_CONSISTENT' as const, 'LOW' as const),
  reasons: fc.uniqueArray(fc.constantFrom('NO_CHECKPOINT', 'LATE_UPDATE', 'EVIDENCE_MISSING_seq')),
  revision: fc.nat(),
  coverage: fc.option(
    fc
      .dictionary(fc.stringMatching(/^\d{1,3}$/), fc.tuple(fc.maxSafeNat(), fc.maxSafeNat()), { maxKeys: 4 })
      .map((value) => ({ ...value })),
  ),
  lastCheckpointTime: fc.option(fc.constant('2026-01-05T09:00:00.123Z')),
  epoch: fc.option(fc.maxSafeNat()),
  resultOffset: fc.maxSafeInteger().map((n) => Math.max(-1, n)),
  verified: fc.boolean(),
});

const awkward = {
  amount: '144000000.00000001',
  long: 9_007_199_254_740_991,
  negative: -2_147_483_649,
  int32: 2_147_483_648,
  fraction: 0.1,
  huge: 1e300,
  yes: true,
  none: null,
  empty: '',
  list: [],
  object: {},
  nested: [{ deep: [1, '1', null] }],
  korean: '삼성전자',
  emoji: '🌊',
  quote: `'"\\`,
  newline: 'a\nb\tc',
  time: '2026-01-05T09:00:00.000Z',
  looks_like_number: '007',
};

export function describeExactness(claim: Claim): void {
  claim('exact', 'what is written comes back exactly, applied or copied', async ({ model }) => {
    // Beyond 2^53, so that a position that went through a double would be found out.
    const history = new History('incarnation-1', 2n ** 53n);
    await bindEmpty(model, history);
    await fc.assert(
      fc.asyncProperty(fc.array(written, { minLength: 1, maxLength: 20 }), async (documents) => {
        const change = history.commit(
          { businessKey: 'awkward', calculatedValue: awkward },
          ...documents.map((document, index) => ({
            businessKey: `k${index}|${history.now().position}'"삼`,
            ...document,
          })),
        );
        await model.apply([change], history.now());
        const keys = change.documents.map(({ businessKey }) => key(businessKey));
        expect(await model.readMany(keys)).toEqual({ applied: history.now(), data: change.documents });
      }),
      { numRuns: 15 },
    );
    const copy = result(history.now().position, { businessKey: 'awkward', calculatedValue: awkward });
    await model.rebuild(copyOf([copy]), history.now(), () => undefined);
    expect((await model.readMany([key('awkward')])).data).toEqual([copy]);
  });
}
