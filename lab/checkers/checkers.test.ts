import fc from 'fast-check';
import type { Engine, History, RowClaim } from '../history/types.js';
import { checkAll, CHECKERS, tableOf } from './index.js';
import { CORRUPTIONS } from './test-support/corruptions.js';
import type { Draft } from './test-support/draft.js';
import { goodHistory, World, type Step } from './test-support/world.js';
import { usefulness } from './usefulness.js';

const violations = (history: History, checker: string): string[] =>
  CHECKERS[checker]?.(history, {}).violations.map(({ sentence }) => sentence) ?? [];
const falseOnes = (history: History): unknown[] => checkAll(history).flatMap((verdict) => verdict.violations);
const draftOf = (history: History): Draft => JSON.parse(JSON.stringify(history)) as Draft;

test.each(['FLINK', 'KAFKA_ONLY'] as const)(
  'a good history of %s is accepted, and each checker had something to check',
  (engine) => {
    const verdicts = checkAll(goodHistory(engine), { enough: 5 });
    expect(verdicts.flatMap((verdict) => verdict.violations)).toEqual([]);
    expect(verdicts.map(({ checker, verdict }) => [checker, verdict])).toEqual(
      Object.keys(CHECKERS).map((checker) => [checker, 'true']),
    );
    const exercised = Object.assign({}, ...verdicts.map((verdict) => verdict.exercised)) as Record<string, number>;
    const sentences = ['position', 'proven', 'strong', 'scope', 'as-of.known', 'as-of', 'staleness', 'source-as-of'];
    const times = ['sync.known', 'sync.monotone', 'sync.applied', 'set.as-of', 'set.strong', 'eventual.converges'];
    const flink = ['high.evidence', 'high.value', 'high.newest', 'set.high', 'checkpoint.monotone'];
    for (const sentence of [...sentences, ...times, ...(engine === 'FLINK' ? flink : ['checkpoint.none'])]) {
      expect([sentence, exercised[sentence] ?? 0]).toEqual([sentence, expect.any(Number)]);
      expect([sentence, (exercised[sentence] ?? 0) > 0]).toEqual([sentence, true]);
    }
    expect(tableOf(verdicts)).toContain('no-overclaim       true');
  },
);

test.each(['FLINK', 'KAFKA_ONLY'] as const)(
  'of %s no row is called wrong for records that nobody wrote down; at a quiet end all of them were',
  (engine) => {
    const cut = (quiet: boolean): History => {
      const draft = draftOf(goodHistory(engine));
      draft.events = draft.events.slice(0, Math.ceil(draft.events.length / 2));
      if (!quiet) draft.quiet = null;
      return draft;
    };
    expect([...violations(cut(false), 'exactly-once'), ...violations(cut(false), 'no-overclaim')]).toEqual([]);
    expect(violations(cut(true), 'exactly-once')).toContain('counted-once');
  },
);

describe.each(CORRUPTIONS)('$name', ({ checker, sentence, apply, name }) => {
  test(`is rejected by ${checker}: ${sentence}`, () => {
    const applied = (['FLINK', 'KAFKA_ONLY'] as const).filter((engine) => {
      const good = goodHistory(engine);
      const draft = draftOf(good);
      if (!apply(draft, good, 0)) return false;
      expect([name, violations(draft as History, checker)]).toEqual([name, expect.arrayContaining([sentence])]);
      return true;
    });
    expect(applied).not.toEqual([]);
  });
});

const symbol = fc.constantFrom('A', 'B', 'C');
const scope = fc.constantFrom('STRONG' as const, 'EVENTUAL' as const);
const session = fc.constantFrom('writer', 'r1', 'r2');
const price = fc.tuple(fc.nat(99_999), fc.nat(999)).map(([a, b]) => `${a}.${String(b).padStart(3, '0')}`);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('event' as const),
    symbol,
    price,
    quantity: fc.integer({ min: 1, max: 900 }),
    again: fc.boolean(),
  }),
  fc.record({ do: fc.constant('accept' as const), symbol }),
  fc.record({ do: fc.constant('apply' as const) }),
  fc.record({ do: fc.constantFrom('read' as const, 'read' as const, 'list' as const), symbol, scope, session }),
);
const engine: fc.Arbitrary<Engine> = fc.constantFrom('FLINK', 'KAFKA_ONLY');
const generated = fc
  .tuple(engine, fc.array(step, { minLength: 5, maxLength: 60 }), fc.array(step, { maxLength: 20 }))
  .map(([of, before, during]) => {
    const world = new World(of).run(before);
    const heal = world.fault('cdc-pause');
    world.run(during);
    heal();
    return world.end();
  });

test('every history of a world that keeps its promises is accepted', () => {
  fc.assert(
    fc.property(generated, (history) => {
      expect(falseOnes(history)).toEqual([]);
    }),
    { numRuns: 150 },
  );
});

test('whatever single claim is corrupted in a generated history, its checker notices', () => {
  const counts = new Map<string, number>();
  fc.assert(
    fc.property(generated, fc.constantFrom(...CORRUPTIONS), fc.nat(1_000), (good, corruption, n) => {
      const draft = draftOf(good);
      if (!corruption.apply(draft, good, n)) return;
      counts.set(corruption.name, (counts.get(corruption.name) ?? 0) + 1);
      const found = violations(draft, corruption.checker);
      expect([corruption.name, found]).toEqual([corruption.name, expect.arrayContaining([corruption.sentence])]);
    }),
    { numRuns: 600 },
  );
  expect(counts.size).toBeGreaterThan(CORRUPTIONS.length * 0.7);
});

describe('usefulness', () => {
  const each = (history: History, change: (claim: RowClaim) => Partial<RowClaim['contract']>): History => ({
    ...history,
    answers: history.answers.map((answer) => ({
      ...answer,
      claims: answer.claims.map((claim) =>
        claim.subject === 'row' ? { ...claim, contract: { ...claim.contract, ...change(claim) } } : claim,
      ),
    })),
  });
  const sentences = (history: History): string[] =>
    usefulness(history, { enough: 2 }).violations.map(({ sentence }) => sentence);

  test('silence is not bought: right values called LOW, or final Flink windows not HIGH, are a violation', () => {
    const good = goodHistory();
    expect(sentences(good)).toEqual([]);
    expect(sentences(each(good, () => ({ level: 'LOW' })))).toEqual(
      expect.arrayContaining(['false-low', 'high-share']),
    );
  });

  test('an age that is claimed far too high is a violation', () => {
    expect(sentences(each(goodHistory(), () => ({ stalenessMs: 60_000 })))).toEqual(
      expect.arrayContaining(['staleness-p99']),
    );
  });

  test('what was read before the servers were warm says nothing of it; nor is it measured then', () => {
    const slow = each(goodHistory(), () => ({ stalenessMs: 60_000 }));
    expect(sentences({ ...slow, warm: { type: 'warm', at: 0 } })).toContain('staleness-p99');
    const cold = usefulness({ ...slow, warm: { type: 'warm', at: Number.MAX_SAFE_INTEGER } }, { enough: 2 });
    expect(cold.violations).toEqual([]);
    expect(Object.keys(cold.unknown)).toContain('staleness-p99: too few reads without faults');
  });

  test('it says how long a fault took to be seen, and to be gone', () => {
    const { figures } = usefulness(goodHistory());
    const [postgres, mongodb] = figures?.['faults'] as Record<string, unknown>[];
    expect(postgres).toMatchObject({ store: 'POSTGRES', degradedAfterMs: null, recoveredAfterMs: 0 });
    expect(mongodb).toMatchObject({ degradedAfterMs: expect.any(Number), recoveredAfterMs: expect.any(Number) });
  });
});

test('what was not recorded is unknown, never a violation', () => {
  const blind: History = {
    ...goodHistory(),
    blind: [{ type: 'blind', what: 'pruned' }],
    quiet: null,
    stored: [],
    dumped: [],
  };
  expect(falseOnes(blind)).toEqual([]);
  const verdicts = checkAll(blind);
  expect(verdicts.find(({ checker }) => checker === 'convergence')?.verdict).toBe('unknown');
  expect(Object.keys(verdicts[0]?.unknown ?? {})).not.toEqual([]);
});

test('a null that Flink calls HIGH is a lie after the quiet end, and unknown before: its output comes after its checkpoint', () => {
  const good = goodHistory('FLINK');
  const quiet = good.quiet?.at ?? 0;
  const withNull = (after: boolean): History => {
    const [first, ...others] = good.answers.filter(({ started }) => started.mono >= quiet === after);
    const nothing = first?.claims.map((claim) => ({ ...claim, value: null })) as RowClaim[];
    return {
      ...good,
      answers: [...good.answers, { ...first!, id: 10_000, claims: nothing }].filter((a) => !others.includes(a)),
    };
  };
  expect(violations(withNull(true), 'no-overclaim')).toContain('high.value');
  expect(violations(withNull(false), 'no-overclaim')).not.toContain('high.value');
});

test('a null is proven where the key was deleted at that position, whatever label was written to the deletion while it was read; and is no proof of a live row', () => {
  const readBeside = (before: boolean): string[] => {
    const draft = draftOf(goodHistory('KAFKA_ONLY'));
    const [{ position, documents, committedAtUs, incarnation }, answer, poll] = [
      draft.truth.findLast((entry) => entry.documents.length > 0)!,
      draft.answers.at(-1)!,
      draft.polls.at(-1)!,
    ];
    const last = draft.truth.at(-1)!.position;
    const at = poll.received + 100;
    const rowAt = (deleted: boolean) => documents.map((document) => ({ ...document, deleted, cap: 'LOW' as const }));
    const end = committedAtUs + 1_000_000;
    draft.truth.push(
      { type: 'truth', position: last + 1, committedAtUs: end, incarnation, documents: rowAt(before) },
      { type: 'truth', position: last + 2, committedAtUs: end + 50_000, incarnation, documents: rowAt(true) },
    );
    draft.polls.push(
      { type: 'poll', sent: at, received: at + 1, pgUs: end + 1_000, position: last + 1 },
      { type: 'poll', sent: at + 60, received: at + 61, pgUs: end + 61_000, position: last + 2 },
    );
    const [claim] = answer.claims.filter((one) => one.subject === 'row');
    draft.answers.push({
      ...answer,
      id: 10_000,
      started: { ...answer.started, mono: at + 10 },
      ended: { ...answer.ended, mono: at + 50 },
      claims: [
        {
          ...claim!,
          businessKey: documents[0]!.businessKey,
          value: null,
          contract: {
            ...claim!.contract,
            level: 'LOW',
            position: null,
            provenAt: last + 1,
            asOf: null,
            stalenessMs: null,
          },
        },
      ],
    });
    expect(position).toBeLessThanOrEqual(last);
    return violations(draft, 'no-overclaim');
  };
  expect(readBeside(true)).not.toContain('proven');
  expect(readBeside(false)).toContain('proven');
});

test('a token stands for the rows that a set has shown, not for a proof that its store is behind', () => {
  const draft = draftOf(goodHistory('FLINK'));
  const answer = draft.answers.findLast(({ claims }) => claims.length > 1 && claims[0]?.subject === 'set')!;
  for (const { contract } of answer.claims) contract.provenAt = null;
  const [row] = answer.claims.filter(({ subject }) => subject === 'row').map(({ contract }) => contract.position ?? 0);
  const covers = (position: number): boolean => {
    answer.token = { ...answer.token!, position };
    return !violations(draft, 'no-overclaim').includes('token.covers');
  };
  answer.claims[0]!.contract.position = row! + 1;
  expect([covers(row!), covers(row! - 1)]).toEqual([true, false]);
});

test('a claim counts once per key, row position and fault, however often it is read', () => {
  const good = goodHistory();
  const twice: History = { ...good, answers: good.answers.flatMap((a) => [a, { ...a, id: a.id + 10_000 }]) };
  expect(checkAll(twice).map(({ claims }) => claims)).toEqual(checkAll(good).map(({ claims }) => claims));
});
