/** The planner in worlds made at random: whatever the stores hold, what it does stays within its sentences. */
import fc from 'fast-check';
import { ORIGIN, position } from '../position/position.js';
import { CONFIDENCE_LEVELS, CONSISTENCY_SCOPES, STORES, type ConfidenceLevel, type Store } from '../words.js';
import type { Health } from './breaker.js';
import { COSTS, pathOf, type ReadShape } from './costs.js';
import { lacks, NO_DEMAND, ON_UNMET, requirementOf, stricter, type Demand, type Offer } from './requirement.js';
import { MOST_STEPS, route, type Attempt, type Budget, type Situation, type StoreView } from './route.js';

const NOW = 100;
const levels = fc.constantFrom(...CONFIDENCE_LEVELS);

/** How a store is: how far, whether it answers, how it looks from outside. */
interface Fake {
  readonly health: Health;
  readonly answers: boolean;
  readonly applied: number;
  readonly known: boolean;
  /** It comes to the present when it is waited for. */
  readonly catchesUp: boolean;
}
interface Universe {
  readonly shape: ReadShape;
  readonly stores: Readonly<Record<Store, Fake>>;
  readonly proof: boolean;
  readonly budget: Budget;
  /** Of the newest row. */
  readonly level: ConfidenceLevel;
  /** When it was changed last. */
  readonly changed: number;
}

const fake: fc.Arbitrary<Fake> = fc.record({
  health: fc.constantFrom<Health>('UP', 'UP', 'SUSPECT', 'PROBE', 'OPEN'),
  answers: fc.boolean(),
  applied: fc.integer({ min: 80, max: NOW }),
  known: fc.boolean(),
  catchesUp: fc.boolean(),
});
const universes: fc.Arbitrary<Universe> = fc.record({
  shape: fc.constantFrom<ReadShape>('key', 'list', 'stats', 'search'),
  stores: fc.record({ POSTGRES: fake, MONGODB: fake, ELASTICSEARCH: fake, CLICKHOUSE: fake }),
  proof: fc.boolean(),
  budget: fc.constantFrom<Budget>('FREE', 'NAMED_ONLY', 'FULL'),
  level: levels,
  changed: fc.integer({ min: 80, max: NOW }),
});
const demands: fc.Arbitrary<Demand> = fc.record({
  minConfidence: fc.option(levels),
  scope: fc.option(fc.constantFrom(...CONSISTENCY_SCOPES)),
  maxStalenessMs: fc.option(fc.integer({ min: 1, max: 20 })),
  atLeast: fc.option(fc.integer({ min: 80, max: NOW }).map((at) => ({ incarnation: 'i', position: position(at) }))),
  onUnmet: fc.option(fc.constantFrom(...ON_UNMET)),
  timeoutMs: fc.option(fc.integer({ min: 0, max: 40 })),
  explainPlan: fc.constant(null),
});

function offered({ shape, proof, level, changed }: Universe, store: Store, applied: number): Offer {
  const at = store === 'POSTGRES' ? NOW : applied;
  const current = proof && changed <= at;
  const known = store !== 'POSTGRES' || proof;
  const search = pathOf(shape, store) === 'SEARCH' && level === 'HIGH';
  return {
    store,
    scope: pathOf(shape, store),
    level: !current ? (level === 'LOW' ? 'LOW' : 'EVENTUALLY_CONSISTENT') : search ? 'EVENTUALLY_CONSISTENT' : level,
    potential: proof ? level : 'HIGH',
    // A millisecond per position, and one for the way.
    stalenessMs: known ? (current ? 1 : NOW - at + 1) : null,
    reflects: known ? { incarnation: 'i', position: position(current ? NOW : at) } : null,
    current,
    currentAt: current || !proof ? null : position(changed),
    reasons: [],
  };
}

interface End {
  readonly how: 'answer' | 'NULL' | 'ERROR' | 'unavailable';
  readonly offer: Offer | null;
  readonly met: boolean;
  readonly steps: readonly Attempt[];
}

/** Does what it is told, as src/contract/router.ts does. */
function travel(universe: Universe, demand: Demand, mostMs = 40): End {
  const requirement = requirementOf(demand, mostMs);
  const applied = new Map<Store, number>(STORES.map((store) => [store, universe.stores[store].applied]));
  const tried: Attempt[] = [];
  let leftMs = requirement.timeoutMs;
  for (let step = 0; step <= MOST_STEPS; step++) {
    const views = STORES.map((store): StoreView => {
      const at = applied.get(store) ?? 0;
      const known = store !== 'POSTGRES' && universe.stores[store].known;
      return {
        store,
        health: universe.stores[store].health,
        applied: known ? { incarnation: 'i', position: position(at) } : null,
        lagMs: known ? NOW - at : null,
      };
    });
    const situation: Situation = {
      shape: universe.shape,
      requirement,
      stores: views,
      proven: universe.proof && tried.length > 0 ? position(NOW) : null,
      unproven: !universe.proof && tried.length > 0,
      budget: universe.budget,
      tried: [...tried],
      leftMs,
    };
    const next = route(situation);
    expect(route(situation)).toEqual(next);
    if (next.kind === 'answer') {
      const attempt = tried[next.attempt];
      return { how: 'answer', offer: attempt?.kind === 'offered' ? attempt.offer : null, met: next.met, steps: tried };
    }
    if (next.kind === 'unmet') return { how: next.as, offer: null, met: false, steps: tried };
    if (next.kind === 'unavailable') return { how: 'unavailable', offer: null, met: false, steps: tried };
    const { store } = next;
    const own = universe.stores[store];
    if (next.kind === 'wait') {
      expect([next.limitMs, next.limitMs > 0, next.until > ORIGIN]).toEqual([leftMs, true, true]);
      const reached = own.catchesUp;
      if (reached) applied.set(store, Math.max(applied.get(store) ?? 0, Number(next.until)));
      leftMs = reached ? Math.max(0, leftMs - 10) : 0;
      tried.push({ kind: 'waited', store, reached });
    } else if (!own.answers) tried.push({ kind: 'failed', store });
    else tried.push({ kind: 'offered', store, offer: offered(universe, store, applied.get(store) ?? 0) });
  }
  throw new Error('it never ends');
}

const worlds = (check: (universe: Universe, demand: Demand) => void): void =>
  fc.assert(fc.property(universes, demands, check), { numRuns: 2_000 });

test('an answer meets its requirement, or FALLBACK was asked for and it is not called met', () => {
  worlds((universe, demand) => {
    const { how, offer, met } = travel(universe, demand);
    if (how !== 'answer' || offer === null) return;
    const lacking = lacks(requirementOf(demand, 40), offer);
    expect(met).toBe(lacking.length === 0);
    if (!met) expect(demand.onUnmet ?? 'FALLBACK').toBe('FALLBACK');
  });
});

test('Postgres is read within its budget only, an open store never, and none twice without a wait', () => {
  worlds((universe, demand) => {
    const { steps } = travel(universe, demand);
    const reads = steps.filter(({ kind }) => kind !== 'waited');
    for (const { store } of reads) expect(universe.stores[store].health).not.toBe('OPEN');
    if (universe.budget === 'FULL') expect(reads.map(({ store }) => store)).not.toContain('POSTGRES');
    if (universe.budget === 'NAMED_ONLY' && demand.scope !== 'STRONG')
      expect(reads.map(({ store }) => store)).not.toContain('POSTGRES');
    for (const store of STORES) {
      const waits = steps.filter((step) => step.kind === 'waited' && step.store === store).length;
      expect(reads.filter((step) => step.store === store).length).toBeLessThanOrEqual(waits + 1);
    }
    expect(steps.length).toBeLessThanOrEqual(MOST_STEPS);
  });
});

test('a stricter requirement never gets a weaker answer called met, and what it gets meets the laxer one', () => {
  fc.assert(
    fc.property(universes, demands, demands, (universe, lax, more) => {
      const strict = stricter(lax, more);
      const end = travel(universe, strict);
      if (end.how !== 'answer' || end.offer === null || !end.met) return;
      expect(lacks(requirementOf(lax, 40), end.offer)).toEqual([]);
      expect(lacks(requirementOf(more, 40), end.offer)).toEqual([]);
    }),
    { numRuns: 2_000 },
  );
});

test('a store that can prove it at once is found, if there is room and nothing fails', () => {
  worlds((universe, demand) => {
    const healthy = { health: 'UP', answers: true, known: true } as const;
    const stores = Object.fromEntries(
      STORES.map((store) => [store, { ...universe.stores[store], ...healthy }]),
    ) as Universe['stores'];
    const well = { ...universe, stores, proof: true, budget: 'FREE' } as const;
    const requirement = requirementOf(demand, 40);
    const able = STORES.filter((store) => COSTS.read[universe.shape][store] !== undefined)
      .map((store) => offered(well, store, stores[store].applied))
      .filter((offer) => lacks(requirement, offer).length === 0);
    // A bound on staleness tells on the store's own clock what the planner can only guess: by then it may have waited.
    if (able.length === 0 || demand.maxStalenessMs !== null) return;
    expect(travel(well, demand)).toMatchObject({ how: 'answer', met: true });
  });
});

test('without a demand the first store that answers gives the answer, and nobody waits', () => {
  fc.assert(
    fc.property(universes, (universe) => {
      const { how, steps } = travel(universe, NO_DEMAND);
      expect(steps.filter(({ kind }) => kind === 'waited')).toEqual([]);
      if (how !== 'answer') expect(steps.every(({ kind }) => kind === 'failed')).toBe(true);
      else expect(steps.slice(0, -1).every(({ kind }) => kind === 'failed')).toBe(true);
    }),
  );
});

test('costs order the stores as the contract does: preferred, other read models, Postgres; a search stands in last', () => {
  const order = (shape: ReadShape): string[] =>
    Object.entries(COSTS.read[shape])
      .sort(([, a], [, b]) => a - b)
      .map(([store]) => store);
  expect([order('key'), order('list'), order('stats'), order('search')]).toEqual([
    ['MONGODB', 'ELASTICSEARCH', 'CLICKHOUSE', 'POSTGRES'],
    ['MONGODB', 'CLICKHOUSE', 'POSTGRES', 'ELASTICSEARCH'],
    ['CLICKHOUSE', 'POSTGRES'],
    ['ELASTICSEARCH'],
  ]);
  const reads = Object.values(COSTS.read).flatMap((row) => Object.values(row));
  // One that failed just now comes after every other one; a wait costs more the longer it is expected to take.
  expect([COSTS.suspect > Math.max(...reads), Math.min(...reads) > 0, COSTS.waitMs > 0]).toEqual([true, true, true]);
});

test('stricter is the join of a semilattice: the order of demands and their repetition do not matter', () => {
  fc.assert(
    fc.property(demands, demands, demands, (a, b, c) => {
      expect(stricter(a, b)).toEqual(stricter(b, a));
      expect(stricter(stricter(a, b), c)).toEqual(stricter(a, stricter(b, c)));
      expect(stricter(a, a)).toEqual(a);
      expect(stricter(a, NO_DEMAND)).toEqual(a);
    }),
  );
});
