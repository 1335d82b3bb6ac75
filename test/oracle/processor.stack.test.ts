import { runGenerator } from '../../generator/run.js';
import { DEFAULT_STREAM } from '../../generator/stream.js';
import { installKafka } from '../../stack/install/kafka.js';
import { pathsFrom } from '../../stack/paths.js';
import { silent } from '../../stack/progress.js';
import type { AssignmentPayload } from '../../wire/control.js';
import type { ResultMessage } from '../../wire/result.js';
import { TOPIC_ORDERS, TOPIC_RESULTS_KAFKA_ONLY } from '../../wire/topics.js';
import { eventually } from '../harness/eventually.js';
import { endOffsets, readTopic } from '../harness/kafka.js';
import { runOracle } from '../harness/oracle.js';
import { startStack, type TestStack } from '../harness/stack.js';

type Message = ResultMessage & { readonly seq: number };
interface Heard {
  readonly rows: Map<string, Message>;
  readonly assignments: Map<string, AssignmentPayload[]>;
  readonly lateDropped: Set<string>;
}

describe('the Kafka-only processor on a real broker', () => {
  let stack: TestStack;
  let classpath: string;
  beforeAll(async () => {
    stack = await startStack({ without: ['server', 'processor', 'generator'] });
    const kafka = await installKafka(pathsFrom(process.env).cache, silent.step('kafka'), new AbortController().signal);
    classpath = `${kafka.lib}/*`;
  }, 600_000);
  afterAll(() => stack?.stop(), 60_000);

  const generate = (more: {
    seed: number;
    backfillMinutes: number;
    backfillCount: number;
    count: number;
  }): Promise<void> =>
    runGenerator(
      { ...DEFAULT_STREAM, replay: 0, ...more, late: 0.02, rate: 0, brokers: stack.kafkaBrokers, topic: TOPIC_ORDERS },
      { now: Date.now, signal: new AbortController().signal, say: () => undefined },
    );

  /** All that the result topic holds now, in order per partition; numbers must be gapless on the way. */
  async function heard(): Promise<Heard> {
    const count = (await endOffsets(stack.kafkaBrokers, TOPIC_RESULTS_KAFKA_ONLY)).reduce((a, b) => a + b, 0);
    const result: Heard = { rows: new Map(), assignments: new Map(), lateDropped: new Set() };
    const seqs = new Map<string, number>();
    for (const { partition, value } of await readTopic(stack.kafkaBrokers, TOPIC_RESULTS_KAFKA_ONLY, count)) {
      const m = JSON.parse(value ?? '') as Message;
      const place = `${m.run.id}/${partition}`;
      expect([place, m.seq]).toEqual([place, (seqs.get(place) ?? 0) + 1]);
      seqs.set(place, m.seq);
      if (m.kind === 'order_window') result.rows.set(m.business_key, m);
      if (m.kind === '_late_dropped') result.lateDropped.add(m.business_key);
      if (m.kind === '_assignment') {
        const payload = m.calculated_value as unknown as AssignmentPayload;
        result.assignments.set(m.run.id, [...(result.assignments.get(m.run.id) ?? []), payload]);
      }
    }
    return result;
  }

  test('30,000 generated events give exactly what the oracle says, evidence included', async () => {
    await generate({ seed: 7, backfillMinutes: 60, backfillCount: 30_000, count: 0 });
    await stack.startApp('processor');
    const expected = await runOracle({ classpath, brokers: stack.kafkaBrokers });
    expect(expected.size).toBeGreaterThan(2_000);
    await eventually(
      async () => {
        const { rows } = await heard();
        for (const [key, { calculated_value, evidence }] of expected) {
          expect(rows.get(key)).toMatchObject({ business_key: key, calculated_value, evidence });
        }
        expect(rows.size).toBe(expected.size);
      },
      { timeoutMs: 30_000, everyMs: 500 },
    );
  }, 120_000);

  test('killed with -9, its next run names where it begins, and no wrong window lies beyond', async () => {
    await stack.processes.processor.kill9();
    await generate({ seed: 8, backfillMinutes: 0, backfillCount: 0, count: 2_000 });
    await stack.processes.processor.start();
    const expected = await runOracle({ classpath, brokers: stack.kafkaBrokers });
    await eventually(
      async () => {
        const { rows, assignments, lateDropped } = await heard();
        const next = [...assignments.values()].at(-1) ?? [];
        expect(assignments.size).toBeGreaterThan(1);
        for (const [key, { calculated_value, evidence }] of expected) {
          const start = key.split('@')[1] ?? '';
          const suspect = next.some(
            (a) => a.start_offset > 0 && (a.max_event_time_before === null || start <= a.max_event_time_before),
          );
          if (!suspect && !lateDropped.has(key)) expect(rows.get(key)).toMatchObject({ calculated_value, evidence });
          expect(rows.has(key)).toBe(true);
        }
      },
      { timeoutMs: 40_000, everyMs: 500 },
    );
  }, 120_000);
});
