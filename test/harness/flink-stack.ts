/** A stack with Flink as its tests look at it: the oracle beside it, what the stores hold, what clients are told. */
import { execa } from 'execa';
import { Pool } from 'pg';
import type { JobControl } from '../../stack/flink/control.js';
import { REPOSITORY } from '../../stack/paths.js';
import { eventually } from './eventually.js';
import { canonical, mongoValues, postgresRows, type Engine, type StoredRow } from './flink.js';
import { ask } from './graphql.js';
import { eachOracleRow } from './oracle.js';
import { kafkaClasspath } from './settled.js';
import { startStack, type TestStack } from './stack.js';

export type ReadScope = 'STRONG' | 'EVENTUAL';

/** What is said of one field of a window. */
export interface Said {
  readonly value: number;
  readonly confidenceLevel: string;
  readonly lastCheckpointTime: string | null;
  readonly reasons: readonly { readonly code: string }[];
}

export interface WindowSaid {
  readonly businessKey: string;
  readonly final: boolean;
  readonly ordersTotal: Said;
}

export interface Share {
  high: number;
  of: number;
}

const LATE = 'VIOLATION_LATE_DROPPED';
const WINDOW = 'businessKey final ordersTotal { value confidenceLevel lastCheckpointTime reasons { code } }';
/** By aliases in one request; the server's limit is 30. */
const KEYS_PER_REQUEST = 25;

/** Keys of which the rows are not what the oracle says, and nothing says so of them. */
export function wrongRows(
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

const isHigh = ({ ordersTotal }: WindowSaid): boolean => ordersTotal.confidenceLevel === 'HIGH';

export class FlinkStack {
  private readonly pool: Pool;

  private constructor(
    readonly stack: TestStack,
    readonly flink: JobControl,
    readonly classpath: string,
    /** For waiting, not for speed. */
    readonly limitMs: number,
  ) {
    this.pool = new Pool({ connectionString: stack.postgresUrl, max: 2 });
    this.pool.on('error', () => undefined);
  }

  static async start(limitMs: number): Promise<FlinkStack> {
    const classpath = await kafkaClasspath();
    const stack = await startStack({ without: ['generator'], flink: {} });
    if (stack.flink === undefined) throw new Error('the stack has no Flink');
    return new FlinkStack(stack, stack.flink, classpath, limitMs);
  }

  async stop(): Promise<void> {
    await this.pool.end();
    await this.stack.stop();
  }

  async cli(...args: string[]): Promise<void> {
    await execa('node', ['bin/tidemark.mjs', ...args], {
      cwd: REPOSITORY,
      env: { KAFKA_BROKERS: this.stack.kafkaBrokers, TIDEMARK_URL: this.stack.graphqlUrl },
    });
  }

  async sql<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return (await this.pool.query(text, [...values])).rows as Row[];
  }

  /** `<kind> <business key>` → value. */
  async oracle(): Promise<Map<string, string>> {
    const rows = new Map<string, string>();
    const { classpath, stack } = this;
    await eachOracleRow({ classpath, brokers: stack.kafkaBrokers, valuesOnly: true }, (row) =>
      rows.set(`${row.kind} ${row.business_key}`, canonical(row.calculated_value)),
    );
    return rows;
  }

  /** Everything that is in the source now has come out of Flink, right, and lies in Postgres and in MongoDB. */
  async settled(): Promise<Map<string, string>> {
    const expected = await this.oracle();
    const rows = await this.right('FLINK', expected, ({ reasons }) => reasons.includes(LATE));
    await eventually(
      async () => {
        const found = await mongoValues(this.stack.mongoUrl, 'FLINK');
        const differ = [...rows].filter(([id, { value }]) => found.get(id) !== value).map(([id]) => id);
        expect([differ.slice(0, 5), found.size]).toEqual([[], rows.size]);
      },
      { timeoutMs: this.limitMs, everyMs: 1_000 },
    );
    return expected;
  }

  /** Waits until the rows of an engine are what is expected, but for those of which something is said. */
  right(
    engine: Engine,
    expected: ReadonlyMap<string, string>,
    isSaid: (row: StoredRow) => boolean,
  ): Promise<Map<string, StoredRow>> {
    return eventually(
      async () => {
        const found = await postgresRows(this.stack.postgresUrl, engine);
        expect(wrongRows(expected, found, isSaid).slice(0, 5)).toEqual([]);
        return found;
      },
      { timeoutMs: this.limitMs, everyMs: 1_000 },
    );
  }

  /** All windows, as a client reads them. */
  async windows(scope: ReadScope): Promise<WindowSaid[]> {
    const nodes: WindowSaid[] = [];
    let after: string | null = null;
    do {
      const { data, errors } = await ask(
        this.stack.graphqlUrl,
        `query ($after: String) @consistency(scope: ${scope}) { orderWindows(engine: FLINK, first: 200, after: $after) {
          pageInfo { hasNextPage endCursor } edges { node { ${WINDOW} } } } }`,
        { after },
      );
      expect(errors).toBeUndefined();
      const { edges, pageInfo } = data.orderWindows as {
        edges: { node: WindowSaid }[];
        pageInfo: { hasNextPage: boolean; endCursor: string };
      };
      nodes.push(...edges.map(({ node }) => node));
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    } while (after !== null);
    return nodes;
  }

  /** These windows, in their order, as a client reads them; a store that does not have one yet has null. */
  async windowsOf(keys: readonly string[], scope: ReadScope): Promise<(WindowSaid | null)[]> {
    const found: (WindowSaid | null)[] = [];
    for (let from = 0; from < keys.length; from += KEYS_PER_REQUEST) {
      const fields = keys.slice(from, from + KEYS_PER_REQUEST).map((key, i) => {
        const [symbol, at] = key.split('@');
        return `w${i}: orderWindow(symbol: ${JSON.stringify(symbol)}, at: ${JSON.stringify(at)}, engine: FLINK) { ${WINDOW} }`;
      });
      const query = `query @consistency(scope: ${scope}) { ${fields.join(' ')} }`;
      const { data, errors } = await ask(this.stack.graphqlUrl, query);
      expect(errors).toBeUndefined();
      found.push(...fields.map((_, i) => data[`w${i}`] as WindowSaid | null));
    }
    return found;
  }

  /** Windows of Flink that have closed, by Postgres itself, without those that an event came too late for. */
  async closed(): Promise<string[]> {
    const rows = await this.sql<{ key: string }>(
      `select business_key as key from results
       where engine = 'FLINK' and kind = 'order_window' and final and not reasons @> array['${LATE}']`,
    );
    return rows.map(({ key }) => key);
  }

  /** Three more checkpoints, then the share of HIGH among closed windows. */
  async usuallyHigh(): Promise<void> {
    await this.flink.checkpointsLater(3);
    for (const scope of ['STRONG', 'EVENTUAL'] as const) {
      await eventually(
        async () => {
          const closed = (await this.windows(scope)).filter(({ final }) => final);
          expect(closed.length).toBeGreaterThan(300);
          const low = closed.filter((node) => !isHigh(node));
          expect(low.slice(Math.floor(closed.length * 0.01)).slice(0, 3)).toEqual([]);
        },
        { timeoutMs: 120_000, everyMs: 200 },
      );
    }
  }
  /** Counts, of these windows as a client reads them now, those that are closed, and of them those that are HIGH. */
  async addShares(keys: readonly string[], shares: Readonly<Record<ReadScope, Share>>): Promise<void> {
    for (const scope of ['STRONG', 'EVENTUAL'] as const) {
      const said = await this.windowsOf(keys, scope);
      // One that took in an event of a slow partition meanwhile is open again.
      const closed = said.filter((window) => window === null || window.final);
      shares[scope].of += closed.length;
      shares[scope].high += closed.filter((window) => window !== null && isHigh(window)).length;
    }
  }

  async position(): Promise<number> {
    return Number((await this.sql<{ position: string }>('select position from commit_clock'))[0]?.position ?? 0);
  }

  /** Rows per second that Postgres accepted between two positions, by its own clock. */
  async writesPerSecond(from: number, to: number): Promise<number> {
    const [row] = await this.sql<{ rate: number }>(
      `select (sum(document_count) / (max(committed_at_us) - min(committed_at_us)) * 1e6)::float8 as rate
       from commit_log where part = 0 and position > $1 and position <= $2`,
      [from, to],
    );
    return Math.round(row?.rate ?? 0);
  }
}
