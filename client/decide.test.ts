import fc from 'fast-check';
import { REASONS } from '../src/words.js';
import {
  ADVICE,
  aged,
  CLIENT_REASONS,
  CONFIDENCE_LEVELS,
  DASHBOARD,
  decide,
  FINANCIAL,
  levelMeets,
  SEARCH,
  stricterOf,
  weakestContract,
  type Policy,
} from './index.js';
import { anyContract, at, contractOf } from './testing/samples.js';

const codes = (policy: Policy, change: Parameters<typeof contractOf>[0]): string[] =>
  decide(contractOf(change), policy).why.map(({ code }) => code);

test('there is advice for every reason that the server knows, and for no other but the client’s own', () => {
  expect(Object.keys(ADVICE).sort()).toEqual([...Object.keys(REASONS), ...Object.keys(CLIENT_REASONS)].sort());
});

test('a proven, fresh answer is used by every policy', () => {
  for (const policy of [FINANCIAL, DASHBOARD, SEARCH])
    expect(decide(contractOf({}), policy)).toEqual({ action: 'USE', why: [], stricter: null, waitMs: null });
});

test('money takes nothing below HIGH; a dashboard and a search take what converges', () => {
  const change = { confidenceLevel: 'EVENTUALLY_CONSISTENT', reasons: ['NO_CHECKPOINT'] } as const;
  expect(decide(contractOf(change), FINANCIAL)).toMatchObject({
    action: 'FALL_BACK',
    why: [{ code: 'CONFIDENCE_BELOW', reasons: ['NO_CHECKPOINT'] }],
    stricter: null,
  });
  expect(decide(contractOf(change), DASHBOARD).action).toBe('USE');
  expect(decide(contractOf(change), SEARCH).action).toBe('USE');
});

test('LOW is waited for by nobody, and no other store is asked', () => {
  for (const reason of Object.keys(REASONS)) {
    const decision = decide(contractOf({ confidenceLevel: 'LOW', reasons: [reason] }), DASHBOARD);
    expect(decision).toMatchObject({ action: 'FALL_BACK', stricter: null });
  }
});

test('a store that is behind is waited for while patience lasts, and another one is asked', () => {
  const behind = contractOf({ confidenceLevel: 'EVENTUALLY_CONSISTENT', reasons: ['STORE_BEHIND'] });
  expect(decide(behind, FINANCIAL)).toMatchObject({ action: 'WAIT', stricter: { scope: 'STRONG' } });
  expect(decide(behind, FINANCIAL, { waitedMs: FINANCIAL.patienceMs })).toMatchObject({
    action: 'FALL_BACK',
    stricter: { scope: 'STRONG' },
    waitMs: null,
  });
});

test('one reason that stays is enough not to wait for the others', () => {
  const reasons = ['STORE_BEHIND', 'NO_CHECKPOINT'];
  expect(decide(contractOf({ confidenceLevel: 'EVENTUALLY_CONSISTENT', reasons }), FINANCIAL).action).toBe('FALL_BACK');
});

test('what only waiting mends is waited for, and asked no stricter', () => {
  const open = contractOf({ confidenceLevel: 'EVENTUALLY_CONSISTENT', reasons: ['EPOCH_OPEN'] });
  expect(decide(open, FINANCIAL)).toMatchObject({ action: 'WAIT', stricter: null });
});

test('a bound of staleness holds to the millisecond; an unknown staleness is above every bound', () => {
  expect(codes(DASHBOARD, { stalenessMs: 10_000 })).toEqual([]);
  expect(codes(DASHBOARD, { stalenessMs: 10_001 })).toEqual(['STALENESS_ABOVE']);
  expect(codes(DASHBOARD, { stalenessMs: null })).toEqual(['STALENESS_UNKNOWN']);
  expect(codes(FINANCIAL, { stalenessMs: 1_001 })).toEqual(['STALENESS_ABOVE']);
});

test('scope, refused reasons, a missing contract and a server that could not comply each count', () => {
  expect(codes({ ...DASHBOARD, scope: 'STRONG' }, {})).toEqual(['SCOPE_WEAKER']);
  expect(codes({ ...DASHBOARD, refuse: ['LATE_UPDATE'] }, { reasons: ['LATE_UPDATE'] })).toEqual(['REASON_REFUSED']);
  expect(decide(null, SEARCH)).toMatchObject({ action: 'FALL_BACK', why: [{ code: 'NO_CONTRACT' }] });
  expect(decide(contractOf({}), DASHBOARD, { unmet: true })).toMatchObject({ why: [{ code: 'UNMET' }] });
});

test('a code of a newer server is not hoped to mend itself', () => {
  const unknown = contractOf({ confidenceLevel: 'EVENTUALLY_CONSISTENT', reasons: ['FROM_THE_FUTURE'] });
  expect(decide(unknown, FINANCIAL).action).toBe('FALL_BACK');
});

const ACTIONS = ['USE', 'WAIT', 'FALL_BACK'];
test('a weaker contract is never used where a stronger one is not', () => {
  fc.assert(
    fc.property(anyContract, anyContract, fc.constantFrom(FINANCIAL, DASHBOARD, SEARCH), (a, b, policy) => {
      const both = decide(weakestContract([a, b]), policy);
      if (both.action === 'USE') expect([decide(a, policy).action, decide(b, policy).action]).toEqual(['USE', 'USE']);
      expect(ACTIONS).toContain(both.action);
      expect(both.why.length > 0).toBe(both.action !== 'USE');
    }),
  );
});

const times = fc.nat(1_000_000);
test('time only lowers a contract: level, staleness, stale', () => {
  fc.assert(
    fc.property(
      anyContract,
      times,
      times,
      fc.record({ maxAgeMs: times, maxStalenessMs: times }),
      (contract, t, dt, rule) => {
        const received = { contract, since: at(0), incarnation: null };
        const [sooner, later] = [aged(received, at(t), rule), aged(received, at(t + dt), rule)];
        expect(levelMeets(contract.confidenceLevel, sooner.confidenceLevel)).toBe(true);
        expect(levelMeets(sooner.confidenceLevel, later.confidenceLevel)).toBe(true);
        expect(later.stalenessMs ?? Infinity).toBe(
          contract.stalenessMs === null ? Infinity : contract.stalenessMs + t + dt,
        );
        expect(sooner.stale && !later.stale).toBe(false);
        expect(contract.stale && !sooner.stale).toBe(false);
      },
    ),
  );
});

test('HIGH ends with its age, to the millisecond, and says why; nothing else becomes anything', () => {
  const levels = (ms: number): string[] =>
    CONFIDENCE_LEVELS.map((confidenceLevel) => {
      const received = { contract: contractOf({ confidenceLevel }), since: at(0), incarnation: null };
      return aged(received, at(ms), { maxAgeMs: 1_000 }).confidenceLevel;
    });
  expect(levels(1_000)).toEqual(['HIGH', 'EVENTUALLY_CONSISTENT', 'LOW']);
  expect(levels(1_001)).toEqual(['EVENTUALLY_CONSISTENT', 'EVENTUALLY_CONSISTENT', 'LOW']);
  const old = aged({ contract: contractOf({}), since: at(0), incarnation: null }, at(2_000), { maxAgeMs: 1_000 });
  expect(old.reasons).toEqual(['CLIENT_AGED']);
});

test('a clock that stood still while the machine slept, or was set back, makes nothing younger', () => {
  const received = { contract: contractOf({}), since: { monotonicMs: 5, wallMs: 1_000 }, incarnation: null };
  const rule = { maxAgeMs: 1_000 };
  expect(aged(received, { monotonicMs: 5, wallMs: 61_000 }, rule)).toMatchObject({
    stalenessMs: 60_100,
    confidenceLevel: 'EVENTUALLY_CONSISTENT',
  });
  expect(aged(received, { monotonicMs: 3_005, wallMs: 0 }, rule).stalenessMs).toBe(3_100);
});

const requirement = fc.record(
  {
    minConfidence: fc.constantFrom(...CONFIDENCE_LEVELS),
    scope: fc.constantFrom('STRONG' as const, 'EVENTUAL' as const, 'SEARCH' as const),
    maxStalenessMs: fc.nat(1000),
  },
  { requiredKeys: [] },
);
test('the stricter of two demands has each stricter part, in whatever order they come', () => {
  fc.assert(
    fc.property(requirement, requirement, (a, b) => {
      const both = stricterOf(a, b);
      expect(stricterOf(b, a)).toEqual(both);
      expect(stricterOf(both, a)).toEqual(both);
      expect(both.maxStalenessMs ?? Infinity).toBe(
        Math.min(a.maxStalenessMs ?? Infinity, b.maxStalenessMs ?? Infinity),
      );
    }),
  );
  expect(stricterOf({ minConfidence: 'LOW', scope: 'STRONG' }, { minConfidence: 'HIGH', scope: 'SEARCH' })).toEqual({
    minConfidence: 'HIGH',
    scope: 'STRONG',
  });
});
