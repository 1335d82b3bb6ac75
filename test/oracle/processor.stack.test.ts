import { isDeepStrictEqual } from 'node:util';
import { runGenerator } from '../../generator/run.js';
import { DEFAULT_STREAM } from '../../generator/stream.js';
import { installKafka } from '../../stack/install/kafka.js';
import { environmentPaths } from '../../stack/paths.js';
import { silent } from '../../stack/progress.js';
import type { AssignmentPayload, HeartbeatPayload, LateDroppedPayload } from '../../wire/control.js';
import type { ResultMessage } from '../../wire/result.js';
import { TOPIC_ORDERS, TOPIC_RESULTS_KAFKA_ONLY } from '../../wire/topics.js';
import { eventually } from '../harness/eventually.js';
import { endOffsets, readTopic } from '../harness/kafka.js';
import { runOracleAll, type OracleRow } from '../harness/oracle.js';
import { startStack, type TestStack } from '../harness/stack.js';

type Message = ResultMessage & { readonly seq: number };
interface Heard {
  /** By kind and business key. */
  readonly rows: Map<string, Message>;
  readonly assignments: Map<string, AssignmentPayload[]>;
  readonly lateDropped: Set<string>;
  /** Next offset of each source partition, by the last heartbeat. */
  counted: Record<string, number>;
}

/** What 30,000 events must hold for their equality to say something. */
const AT_LEAST: Readonly<Record<string, number>> = {
  order_window: 2_000,
  order: 20_000,
  'order/delete': 200,
  anomaly: 500,
  ...{ LARGE_ORDER: 50, HIGH_AMOUNT: 10, PRICE_SPIKE: 50, RAPID_ORDERS: 50 },
};

/** Tens of thousands of rows, several times over: too many for jest's own matchers. */
function agrees(said: Message | undefined, { op, calculated_value, evidence }: OracleRow): boolean {
  const theirs = said?.evidence as Record<string, unknown> | undefined;
  return (
    said?.op === op &&
    isDeepStrictEqual(said.calculated_value, calculated_value) &&
    Object.entries(evidence).every(([name, value]) => isDeepStrictEqual(theirs?.[name], value))
  );
}

describe('the Kafka-only processor on a real broker', () => {
  let stack: TestStack;
  let classpath: string;
  beforeAll(async () => {
    stack = await startStack({ without: ['server', 'processor', 'generator'] });
    const kafka = await installKafka(environmentPaths().cache, silent.step('kafka'), new AbortController().signal);
    classpath = `${kafka.lib}/*`;
  }, 600_000);
  afterAll(() => stack?.stop(), 60_000);

  const generate = (more: {
    seed: number;
    backfillMinutes: number;
    backfillCount: number;
    count: number;
    replay?: number;
  }): Promise<void> =>
    runGenerator(
      {
        ...DEFAULT_STREAM,
        replay: 0,
        bursts: 0.01,
        ...more,
        late: 0.02,
        rate: 0,
        brokers: stack.kafkaBrokers,
        topic: TOPIC_ORDERS,
      },
      { now: Date.now, signal: new AbortController().signal, say: () => undefined },
    );

  const oracle = async (): Promise<Map<string, OracleRow>> =>
    new Map(
      (await runOracleAll({ classpath, brokers: stack.kafkaBrokers })).map(({ ...row }) => {
        const { case: _, ...rest } = row as OracleRow & { case?: number };
        return [`${row.kind}/${row.business_key}`, rest];
      }),
    );

  /** All that the result topic holds now, in order per partition; numbers must be gapless on the way. */
  async function heard(): Promise<Heard> {
    const count = (await endOffsets(stack.kafkaBrokers, TOPIC_RESULTS_KAFKA_ONLY)).reduce((a, b) => a + b, 0);
    const result: Heard = { rows: new Map(), assignments: new Map(), lateDropped: new Set(), counted: {} };
    const seqs = new Map<string, number>();
    for (const { partition, value } of await readTopic(stack.kafkaBrokers, TOPIC_RESULTS_KAFKA_ONLY, count)) {
      const m = JSON.parse(value ?? '') as Message;
      const place = `${m.run.id}/${partition}`;
      if (m.seq !== (seqs.get(place) ?? 0) + 1) throw new Error(`${place} jumps to ${m.seq}`);
      seqs.set(place, m.seq);
      if (m.kind === '_heartbeat') {
        const { sources = {} } = m.calculated_value as unknown as HeartbeatPayload;
        result.counted = Object.fromEntries(Object.entries(sources).map(([p, s]) => [p, s.next_offset]));
      }
      if (!m.kind.startsWith('_')) result.rows.set(`${m.kind}/${m.business_key}`, m);
      if (m.kind === '_late_dropped') {
        const { kind = 'order_window' } = m.calculated_value as unknown as LateDroppedPayload;
        result.lateDropped.add(`${kind}/${m.business_key}`);
      }
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
    const expected = await oracle();
    const kinds = new Map<string, number>();
    for (const { kind, op, calculated_value } of expected.values()) {
      for (const name of [kind, `${kind}/${op}`, String(calculated_value['rule'])]) {
        kinds.set(name, (kinds.get(name) ?? 0) + 1);
      }
    }
    for (const [name, atLeast] of Object.entries(AT_LEAST)) {
      expect([name, (kinds.get(name) ?? 0) >= atLeast]).toEqual([name, true]);
    }
    await eventually(
      async () => {
        const { rows } = await heard();
        const wrong = [...expected].filter(([id, row]) => !agrees(rows.get(id), row)).map(([id]) => id);
        expect(wrong.slice(0, 5)).toEqual([]);
        expect(rows.size).toBe(expected.size);
      },
      { timeoutMs: 30_000, everyMs: 500 },
    );
  }, 120_000);

  test('the last 500 records sent again by a restarted generator change no result', async () => {
    const before = await heard();
    const ends = await endOffsets(stack.kafkaBrokers, TOPIC_ORDERS);
    await generate({ seed: 7, backfillMinutes: 0, backfillCount: 0, count: 0, replay: 500 });
    const after = await endOffsets(stack.kafkaBrokers, TOPIC_ORDERS);
    const total = (offsets: readonly number[]): number => offsets.reduce((a, b) => a + b, 0);
    expect(total(after) - total(ends)).toBe(500);
    const tail = await readTopic(stack.kafkaBrokers, TOPIC_ORDERS, total(after));
    const known = new Set(tail.filter((r) => Number(r.offset) < (ends[r.partition] ?? 0)).map((r) => r.value));
    const again = tail.filter((r) => Number(r.offset) >= (ends[r.partition] ?? 0));
    expect(again.filter((r) => !known.has(r.value))).toEqual([]);
    await eventually(async () => expect((await heard()).counted).toEqual(Object.fromEntries(after.entries())), {
      timeoutMs: 20_000,
      everyMs: 500,
    });
    const { rows, lateDropped } = await heard();
    const said = (m: Message | undefined): string => JSON.stringify([m?.op, m?.calculated_value, m?.evidence?.digest]);
    const changed = [...rows].filter(([id, m]) => !lateDropped.has(id) && said(m) !== said(before.rows.get(id)));
    expect(changed.map(([id]) => id)).toEqual([]);
  }, 60_000);

  test('killed with -9, its next run names where it begins, and no wrong window lies beyond', async () => {
    await stack.processes.processor.kill9();
    await generate({ seed: 8, backfillMinutes: 0, backfillCount: 0, count: 2_000 });
    await stack.processes.processor.start();
    const expected = await oracle();
    await eventually(
      async () => {
        const { rows, assignments, lateDropped } = await heard();
        const next = [...assignments.values()].at(-1) ?? [];
        expect(assignments.size).toBeGreaterThan(1);
        const suspect = (begins: string | null): boolean =>
          next.some(
            (a) =>
              a.start_offset > 0 &&
              (a.max_event_time_before === null || begins === null || begins <= a.max_event_time_before),
          );
        // A rule that looks back may have missed what lies before the restart, and only then.
        const lookedBack = ({ kind, evidence }: OracleRow): boolean =>
          kind === 'anomaly' &&
          next.some((a) => {
            const [first = Infinity] = evidence.coverage[String(a.source_partition)] ?? [];
            return first < a.start_offset;
          });
        for (const [id, row] of expected) {
          const said = rows.get(id);
          const begins = said?.evidence?.begins ?? (row.calculated_value['window_start'] as string | undefined) ?? null;
          if (said === undefined) expect([id, lookedBack(row)]).toEqual([id, true]);
          else if (!suspect(begins) && !lateDropped.has(id) && !agrees(said, row))
            expect(said).toMatchObject({ ...row });
        }
        // What no event warrants must not look right either.
        for (const [id, said] of rows) {
          if (!expected.has(id)) expect([id, suspect(said.evidence?.begins ?? null)]).toEqual([id, true]);
        }
      },
      { timeoutMs: 40_000, everyMs: 500 },
    );
  }, 120_000);
});
