import fc from 'fast-check';
import { weakest, CONFIDENCE_LEVELS } from '../words.js';
import { keyOf } from '../position/commit-log.js';
import { plan, needs, type Loaded } from './plan.js';
import type { Incoming, PipelineFacts, ResultState } from './state.js';
import { AT, incoming, stamp } from './test-support/records.js';

describe('a batch', () => {
  const stream = fc.array(
    fc.oneof(
      {
        weight: 1,
        arbitrary: fc.record({ type: fc.constant('assignment' as const), run: fc.constantFrom('a', 'b', 'c') }),
      },
      {
        weight: 6,
        arbitrary: fc.record({
          type: fc.constant('result' as const),
          run: fc.constantFrom('a', 'b', 'c'),
          key: fc.constantFrom('x', 'y', 'z'),
          final: fc.boolean(),
          late: fc.boolean(),
          skip: fc.integer({ min: 0, max: 9 }),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          type: fc.constant('late-drop' as const),
          run: fc.constantFrom('a', 'b'),
          key: fc.constantFrom('x', 'y', 'z'),
        }),
      },
    ),
    { maxLength: 40 },
  );
  type Step = typeof stream extends fc.Arbitrary<(infer S)[]> ? S : never;

  function records(steps: readonly Step[]): Incoming[] {
    const seqs = new Map<string, number>();
    const next = (run: string, skip = 0): number => {
      const seq = (seqs.get(run) ?? 0) + 1 + (skip === 9 ? 1 : 0);
      seqs.set(run, seq);
      return seq;
    };
    return steps.map((step, index): Incoming => {
      if (step.type === 'assignment') {
        return {
          type: 'assignment',
          stamp: stamp(step.run, next(step.run)),
          sourcePartition: '0',
          startOffset: index,
          maxEventTimeBefore: null,
        };
      }
      if (step.type === 'late-drop') {
        return {
          type: 'late-drop',
          stamp: stamp(step.run, next(step.run)),
          key: { kind: 'order_window', businessKey: step.key, engine: 'KAFKA_ONLY' },
          resultPartition: 0,
          source: { partition: '0', offset: index },
        };
      }
      return incoming(
        {
          ordinal: index,
          offset: BigInt(index),
          stamp: stamp(step.run, next(step.run, step.skip)),
          arrival: step.late ? 'LATE' : 'IN_ORDER',
        },
        {
          businessKey: step.key,
          run: step.run,
          final: step.final,
          coverage: { '0': [0, index] },
          digest: String(index),
        },
      );
    });
  }

  /** Runs batches one after the other over a store in memory that loads only what `needs` asks for. */
  function run(batches: readonly (readonly Incoming[])[]): {
    rows: Map<string, ResultState>;
    facts: Map<string, PipelineFacts>;
  } {
    const rows = new Map<string, ResultState>();
    let facts = new Map<string, PipelineFacts>();
    for (const batch of batches) {
      const wanted = new Set(needs(batch).map(keyOf));
      const loaded: Loaded = {
        facts,
        rows: new Map([...rows].filter(([id]) => wanted.has(id))),
      };
      const planned = plan(batch, loaded, AT);
      for (const [id, { row }] of planned.rows) {
        rows.set(id, row);
      }
      facts = new Map(planned.facts);
    }
    return { rows, facts };
  }

  test('however the log is cut into batches, the rows, the facts and what is held against keys are the same', () => {
    fc.assert(
      fc.property(
        stream,
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 40, maxLength: 40 }),
        (steps, sizes) => {
          const all = records(steps);
          const batches: Incoming[][] = [];
          for (let from = 0, n = 0; from < all.length; from += sizes[n] ?? 1, n += 1)
            batches.push(all.slice(from, from + (sizes[n] ?? 1)));
          expect(run(batches)).toEqual(run([all]));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a level never rises: KAFKA_ONLY has no evidence that could raise it', () => {
    fc.assert(
      fc.property(stream, (steps) => {
        const all = records(steps);
        const levels = new Map<string, 'HIGH' | 'EVENTUALLY_CONSISTENT' | 'LOW'>();
        for (let n = 1; n <= all.length; n += 1) {
          for (const [id, row] of run(all.slice(0, n).map((record) => [record])).rows) {
            expect(weakest(levels.get(id) ?? CONFIDENCE_LEVELS[0], row.cap)).toBe(row.cap);
            levels.set(id, row.cap);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test('from the moment that a second run writes a result it is LOW', () => {
    fc.assert(
      fc.property(stream, (steps) => {
        const all = records(steps);
        const writers = new Map<string, Set<string>>();
        for (let n = 1; n <= all.length; n += 1) {
          for (const [id, row] of run(all.slice(0, n).map((record) => [record])).rows) {
            const runs = writers.get(id) ?? new Set();
            writers.set(id, runs.add(row.run));
            if (runs.size > 1) expect([row.cap, row.reasons.includes('RESTART_DUPLICATION')]).toEqual(['LOW', true]);
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});
