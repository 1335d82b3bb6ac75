/**
 * The Flink job on a real cluster, with the server behind it. The tests run in this order and build on each other: one stack,
 * whose source log grows, and at each quiet moment every result of Flink is what the oracle makes of that log.
 */
import { execa } from 'execa';
import type { JobControl } from '../stack/flink/control.js';
import { REPOSITORY } from '../stack/paths.js';
import { eventually } from './harness/eventually.js';
import { canonical, mongoValues, postgresRows, type Engine, type StoredRow } from './harness/flink.js';
import { ask } from './harness/graphql.js';
import { eachOracleRow } from './harness/oracle.js';
import { kafkaClasspath } from './harness/settled.js';
import { startStack, type TestStack } from './harness/stack.js';

/** Of the past; the soak asks for a million. */
const EVENTS = Number(process.env['TIDEMARK_TEST_EVENTS'] ?? '8000');
/** For waiting, not for speed. */
const LIMIT_MS = 600_000 + EVENTS * 10;
const LATE = 'VIOLATION_LATE_DROPPED';

let stack: TestStack;
let flink: JobControl;
let classpath: string;

beforeAll(async () => {
  classpath = await kafkaClasspath();
  stack = await startStack({ without: ['generator'], flink: {} });
  if (stack.flink === undefined) throw new Error('the stack has no Flink');
  flink = stack.flink;
}, 900_000);
afterAll(() => stack?.stop(), 120_000);

const cli = (...args: string[]): ReturnType<typeof execa> =>
  execa('node', ['bin/tidemark.mjs', ...args], {
    cwd: REPOSITORY,
    env: { KAFKA_BROKERS: stack.kafkaBrokers, TIDEMARK_URL: stack.graphqlUrl },
  });

/** `<kind> <business key>` → value. */
async function oracle(): Promise<Map<string, string>> {
  const rows = new Map<string, string>();
  await eachOracleRow({ classpath, brokers: stack.kafkaBrokers, valuesOnly: true }, (row) =>
    rows.set(`${row.kind} ${row.business_key}`, canonical(row.calculated_value)),
  );
  return rows;
}

/** Keys of which the rows are not what the oracle says, and nothing says so of them. */
function wrong(
  expected: ReadonlyMap<string, string>,
  rows: ReadonlyMap<string, StoredRow>,
  isSaid: (row: StoredRow) => boolean,
): string[] {
  const differ = [...expected].filter(([id, value]) => {
    const row = rows.get(id);
    return row?.value !== value && (row === undefined || !isSaid(row));
  });
  const more = [...rows].filter(([id, row]) => !expected.has(id) && !isSaid(row));
  return [...differ, ...more].map(([id]) => `${id}: ${expected.get(id)} / ${JSON.stringify(rows.get(id))}`);
}

/** Everything that is in the source now has come out of Flink, right, and lies in Postgres and in MongoDB. */
async function settled(): Promise<Map<string, string>> {
  const expected = await oracle();
  const rows = await eventually(
    async () => {
      const found = await postgresRows(stack.postgresUrl, 'FLINK');
      expect(wrong(expected, found, ({ reasons }) => reasons.includes(LATE)).slice(0, 5)).toEqual([]);
      return found;
    },
    { timeoutMs: LIMIT_MS, everyMs: 500 },
  );
  await eventually(
    async () => {
      const found = await mongoValues(stack.mongoUrl, 'FLINK');
      const differ = [...rows].filter(([id, { value }]) => found.get(id) !== value).map(([id]) => id);
      expect([differ.slice(0, 5), found.size]).toEqual([[], rows.size]);
    },
    { timeoutMs: LIMIT_MS, everyMs: 500 },
  );
  return expected;
}

interface Node {
  readonly businessKey: string;
  readonly final: boolean;
  readonly ordersTotal: {
    readonly confidenceLevel: string;
    readonly lastCheckpointTime: string | null;
    readonly reasons: readonly { readonly code: string }[];
  };
}

/** All windows, as a client reads them. */
async function windows(scope: 'STRONG' | 'EVENTUAL', engine: Engine = 'FLINK'): Promise<Node[]> {
  const nodes: Node[] = [];
  let after: string | null = null;
  do {
    const { data, errors } = await ask(
      stack.graphqlUrl,
      `query ($after: String) @consistency(scope: ${scope}) { orderWindows(engine: ${engine}, first: 200, after: $after) {
        pageInfo { hasNextPage endCursor }
        edges { node { businessKey final ordersTotal { confidenceLevel lastCheckpointTime reasons { code } } } } } }`,
      { after },
    );
    expect(errors).toBeUndefined();
    const { edges, pageInfo } = data.orderWindows as {
      edges: { node: Node }[];
      pageInfo: { hasNextPage: boolean; endCursor: string };
    };
    nodes.push(...edges.map(({ node }) => node));
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after !== null);
  return nodes;
}

const isHigh = ({ ordersTotal }: Node): boolean => ordersTotal.confidenceLevel === 'HIGH';

/** Three more checkpoints, then the share of HIGH among closed windows. */
async function usuallyHigh(): Promise<void> {
  await flink.checkpointsLater(3);
  for (const scope of ['STRONG', 'EVENTUAL'] as const) {
    const began = performance.now();
    await eventually(
      async () => {
        const closed = (await windows(scope)).filter(({ final }) => final);
        expect(closed.length).toBeGreaterThan(300);
        const low = closed.filter((node) => !isHigh(node));
        expect(low.slice(Math.floor(closed.length * 0.01)).slice(0, 3)).toEqual([]);
      },
      { timeoutMs: 120_000, everyMs: 200 },
    );
    process.stderr.write(`${scope}: 99 % of closed windows HIGH ${Math.round(performance.now() - began)} ms later\n`);
  }
}

test(
  `the worked example and ${EVENTS} events with duplicates, disorder and late ones: every row of Flink equals the oracle, in Postgres and MongoDB`,
  async () => {
    const past = ['--backfill-minutes', '90', '--backfill-count', String(EVENTS), '--count', '0', '--rate', '0'];
    await cli('generate', ...past, '--seed', '7', '--late', '0.02', '--too-late', '0.001', '--symbols', '100');
    await cli('produce', '--shift-to-now', 'test/fixtures/worked-example.jsonl');
    const expected = await settled();
    const kinds = new Set([...expected.keys()].map((id) => id.split(' ')[0]));
    expect([...kinds].sort()).toEqual(['anomaly', 'order', 'order_window']);
    expect([...expected.keys()].filter((id) => id.startsWith('order_window 005930@'))).toHaveLength(1);
    expect(expected.size).toBeGreaterThan(EVENTS / 2);
    // The other engine differs only where it says so itself.
    await eventually(
      async () => {
        const rows = await postgresRows(stack.postgresUrl, 'KAFKA_ONLY');
        expect(wrong(expected, rows, ({ cap, stale }) => cap === 'LOW' || stale).slice(0, 5)).toEqual([]);
      },
      { timeoutMs: LIMIT_MS, everyMs: 500 },
    );
    await usuallyHigh();
  },
  LIMIT_MS,
);

test('pipelines shows what the JobManager says of the job, and no alarm', async () => {
  const fields =
    'name jobState lastCheckpointId lastCheckpointDurationMs completedCheckpoints restarts sourceLag conditions';
  await eventually(
    async () => {
      const { data } = await ask(stack.graphqlUrl, `{ pipelines { ${fields} } }`);
      const [pipeline] = (data.pipelines as { name: string }[]).filter(({ name }) => name === 'orders-flink');
      expect(pipeline).toEqual({
        name: 'orders-flink',
        jobState: 'RUNNING',
        lastCheckpointId: expect.stringMatching(/^[1-9]\d*$/),
        lastCheckpointDurationMs: expect.any(Number),
        completedCheckpoints: expect.any(Number),
        restarts: 0,
        sourceLag: '0',
        conditions: [],
      });
    },
    { timeoutMs: 120_000 },
  );
});
