/**
 * Two servers of one database: they share what is to be read, either may project, and both answer. What one has accepted
 * the other never calls current while it shows less (contract.md §2).
 */
import { join } from 'node:path';
import { execa } from 'execa';
import { Pool } from 'pg';
import { REPOSITORY } from '../stack/paths.js';
import { Component } from '../stack/process/component.js';
import { eventually } from './harness/eventually.js';
import { hearBySocket, hearByStream } from './harness/event-streams.js';
import { explainedWell } from './harness/explained.js';
import { ask } from './harness/graphql.js';
import { killAtExit } from './harness/kill-at-exit.js';
import { freePorts } from './harness/sandbox.js';
import { settle } from './harness/settled.js';
import { startStack, type TestStack } from './harness/stack.js';
import { Drivers, STORES } from './harness/stores.js';

interface Server {
  readonly name: string;
  readonly url: string;
  readonly component: Component;
}

let stack: TestStack;
let drivers: Drivers;
let pool: Pool;
let first: Server;
let second: Server;
let load: { end(): Promise<unknown> } | null = null;
/** What supervision has said of the second server: that it had to be killed, say. */
const notes: string[] = [];

/** The stack's own server once more, at another port. */
async function another(): Promise<Server> {
  const { spec } = stack.processes.server;
  const { server: port } = await freePorts();
  const url = `http://127.0.0.1:${port}`;
  const component = new Component(
    {
      ...spec,
      env: { ...spec.env, TIDEMARK_PORT: String(port) },
      log: join(stack.logFolder, 'second-server.log'),
      isReady: async () => (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) })).status === 200,
    },
    (sentence) => notes.push(sentence),
  );
  killAtExit(component);
  await component.start();
  return { name: 'second', url, component };
}

/** Events at 100 a second until `calm`. */
function generate(...more: readonly string[]): void {
  const options = ['--rate', '100', '--count', '1000000', '--backfill-minutes', '0', '--symbols', '60', ...more];
  const running = execa('node', ['bin/tidemark.mjs', 'generate', ...options], {
    cwd: REPOSITORY,
    env: { KAFKA_BROKERS: stack.kafkaBrokers, TIDEMARK_URL: stack.graphqlUrl },
    reject: false,
  });
  load = {
    end: () => {
      running.kill('SIGTERM');
      return running;
    },
  };
}
async function calm(): Promise<void> {
  await load?.end();
  load = null;
}

const reasonsOf = async ({ url }: Server): Promise<string[]> => {
  const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) });
  return ((await answer.json()) as { reasons: string[] }).reasons;
};
const ready = (server: Server): Promise<void> =>
  eventually(async () => expect(await reasonsOf(server)).toEqual([]), { timeoutMs: 90_000, everyMs: 200 });
const takenIn = async ({ url }: Server): Promise<number> => {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^tidemark_ingest_records_total\{[^}]*\} (\d+)$/m.exec(text)?.[1] ?? 0);
};

/** Windows that Postgres holds now, newest first. */
const held = async (): Promise<{ business_key: string; revision: number }[]> =>
  (
    await pool.query<{ business_key: string; revision: number }>(
      `select business_key, revision from results where kind = 'order_window' and not deleted order by position desc limit 15`,
    )
  ).rows;

/**
 * Asks a server for them, after they were seen in Postgres. Returns what is false of the answers, and how many of them
 * were called current: proven as of a position that is not older than the request.
 */
async function judge(server: Server, scope: 'STRONG' | 'EVENTUAL'): Promise<{ wrong: string[]; current: number }> {
  const rows = await held();
  const fields = rows.map(({ business_key: key }, i) => {
    const [symbol, at] = key.split('@');
    return `w${i}: orderWindow(symbol: "${symbol}", at: "${at}") { revision ordersTotal { provenAt reasons { code } } }`;
  });
  const { data } = await ask(`${server.url}/graphql`, `query @consistency(scope: ${scope}) { ${fields.join(' ')} }`);
  const wrong: string[] = [];
  let current = 0;
  for (const [i, row] of rows.entries()) {
    const window = data?.[`w${i}`] as
      { revision: number; ordersTotal: { provenAt: string | null; reasons: { code: string }[] } } | null | undefined;
    const codes = window?.ordersTotal.reasons.map(({ code }) => code) ?? [];
    if (
      window == null ||
      window.ordersTotal.provenAt === null ||
      codes.includes('STORE_BEHIND') ||
      codes.includes('POSITION_UNKNOWN')
    )
      continue;
    current += 1;
    if (window.revision < row.revision)
      wrong.push(
        `${server.name} ${scope}: ${row.business_key} is called current at revision ${window.revision}, Postgres had ${row.revision}`,
      );
  }
  return { wrong, current };
}

/** Both servers and both paths, again and again while `work` runs, and so often at least. */
async function judging(servers: readonly Server[], work: () => Promise<unknown>): Promise<void> {
  let working = true;
  const wrong: string[] = [];
  const current = new Map<string, number>();
  const judges = servers.flatMap((server) =>
    (['STRONG', 'EVENTUAL'] as const).map(async (scope) => {
      for (let round = 0; working || round < 5; round += 1) {
        const judged = await judge(server, scope).catch(() => ({ wrong: [], current: 0 }));
        wrong.push(...judged.wrong);
        current.set(`${server.name} ${scope}`, (current.get(`${server.name} ${scope}`) ?? 0) + judged.current);
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    }),
  );
  try {
    await work();
  } finally {
    working = false;
    await Promise.all(judges);
  }
  expect(wrong).toEqual([]);
  // Silence would be no proof.
  expect([...current].filter(([, times]) => times === 0)).toEqual([]);
}

/** Quiet: every store holds what Postgres holds, and both servers call it current wherever they read it. */
async function allEqual(servers: readonly Server[]): Promise<void> {
  await calm();
  await settle(stack);
  for (const server of servers) await ready(server);
  await drivers.caughtUp(stack);
  const truth = await drivers.all('POSTGRES');
  for (const store of STORES.slice(1)) {
    const found = await drivers.all(store);
    const differing = [...new Set([...truth.keys(), ...found.keys()])].filter(
      (key) => JSON.stringify(sorted(truth.get(key))) !== JSON.stringify(sorted(found.get(key))),
    );
    expect([store, differing.slice(0, 5)]).toEqual([store, []]);
  }
  for (const server of servers) {
    for (const scope of ['STRONG', 'EVENTUAL'] as const) {
      await eventually(async () => expect(await judge(server, scope)).toEqual({ wrong: [], current: 15 }), {
        timeoutMs: 30_000,
      });
    }
  }
}
const sorted = (value: Record<string, unknown> | undefined): unknown =>
  value === undefined ? undefined : Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));

beforeAll(async () => {
  stack = await startStack({ without: ['generator'] });
  drivers = new Drivers(stack);
  pool = new Pool({ connectionString: stack.postgresUrl, max: 6 });
  pool.on('error', () => undefined);
  first = { name: 'first', url: stack.serverUrl, component: stack.processes.server };
  second = await another();
}, 600_000);
afterAll(async () => {
  await calm();
  await second?.component.stop();
  await Promise.all([drivers?.close(), pool?.end()]);
  await stack?.stop();
}, 90_000);

test('both take in a share, and neither calls current what the other has overtaken', async () => {
  generate();
  const before = [await takenIn(first), await takenIn(second)];
  await judging([first, second], async () => {
    await eventually(
      async () => {
        expect(await takenIn(first)).toBeGreaterThan(before[0]! + 200);
        expect(await takenIn(second)).toBeGreaterThan(before[1]! + 200);
      },
      { timeoutMs: 90_000, everyMs: 200 },
    );
  });
  await allEqual([first, second]);
}, 240_000);

test('one is stopped beyond its session: the other takes over everything; awake again it says nothing false and undoes nothing', async () => {
  generate();
  await eventually(async () => expect(await held()).toHaveLength(15), { timeoutMs: 30_000 });
  first.component.sigstop();
  try {
    await judging([second], async () => {
      // All partitions of ingest and of the read models: what is accepted is applied, by the second alone.
      const { rows } = await pool.query<{ partition: number; next_offset: string }>(
        "select partition, next_offset from ingest_offsets where topic = 'results.kafka-only'",
      );
      await eventually(
        async () => {
          const now = await pool.query<{ partition: number; next_offset: string }>(
            "select partition, next_offset from ingest_offsets where topic = 'results.kafka-only'",
          );
          const still = now.rows.filter((row) =>
            rows.some(
              (old) => old.partition === row.partition && BigInt(old.next_offset) + 20n > BigInt(row.next_offset),
            ),
          );
          expect(still).toEqual([]);
        },
        { timeoutMs: 120_000, everyMs: 200 },
      );
      await drivers.caughtUp({ ...stack, graphqlUrl: `${second.url}/graphql` });
    });
  } finally {
    first.component.sigcont();
  }
  await judging([first, second], () => ready(first));
  await allEqual([first, second]);
}, 360_000);

test('history is rewound under both: one new incarnation begins, and both answer in it', async () => {
  const incarnation = async (): Promise<string> =>
    (await pool.query<{ incarnation: string }>('select incarnation from commit_clock')).rows[0]!.incarnation;
  const old = await incarnation();
  const seen = new Set<string>();
  const client = await pool.connect();
  try {
    // As a restored copy would have it: the last positions are gone, and others will come in their place.
    await client.query(
      'begin; lock table commit_clock in exclusive mode; delete from commit_log where position > (select position - 30 from commit_clock)',
    );
    await client.query(
      `update commit_clock c set position = l.position, nonce = l.nonce, predecessor = l.predecessor, committed_at_us = l.committed_at_us
         from commit_log l where l.part = 0 and l.position = (select max(position) from commit_log)`,
    );
    await client.query('commit');
  } finally {
    client.release();
  }
  await eventually(async () => expect(await incarnation()).not.toBe(old), { timeoutMs: 60_000 });
  generate();
  await judging([first, second], () =>
    eventually(
      async () => {
        seen.add(await incarnation());
        for (const server of [first, second]) expect(await reasonsOf(server)).toEqual([]);
      },
      { timeoutMs: 120_000, everyMs: 200 },
    ),
  );
  await allEqual([first, second]);
  seen.add(await incarnation());
  // The second to notice finds it begun, and begins no other.
  expect(seen.size).toBe(1);
}, 360_000);

test('Postgres and Kafka go away: both servers say so, and are well again by themselves', async () => {
  for (const [component, says] of [
    [stack.processes.postgres, /POSTGRES/],
    [stack.processes.kafka, /reads nothing|not answered/],
  ] as const) {
    await component.stop();
    for (const server of [first, second]) {
      await eventually(async () => expect((await reasonsOf(server)).join('; ')).toMatch(says), { timeoutMs: 60_000 });
    }
    await component.start();
    const from = performance.now();
    for (const server of [first, second]) {
      await ready(server);
      process.stderr.write(
        `${component.spec.name} is back: ${server.name} is well after ${Math.round(performance.now() - from)} ms\n`,
      );
    }
  }
}, 360_000);

/** The ids of all events so far, in their order, as Postgres holds them. */
const allEvents = async (): Promise<string[]> =>
  (
    await pool.query<{ id: string }>(
      `select position || '-' || ordinal || '-' || left(incarnation::text, 8) as id from staleness_events order by position, ordinal`,
    )
  ).rows.map(({ id }) => id);

test('events of both servers, over 200 connections of both protocols that are cut at random: nothing missed, nothing twice; what they tell of is explained alike', async () => {
  // Most of these come too late: each tells that a window lacks it.
  const [begin] = (await allEvents()).slice(-1);
  const heard = [begin!];
  const due = async (): Promise<string[]> => {
    const all = await allEvents();
    return all.slice(all.indexOf(begin!));
  };
  generate('--symbols', '1000', '--skew', '0', '--too-late', '0.7', '--updates', '0', '--duplicates', '0');
  await eventually(async () => expect((await due()).length).toBeGreaterThan(20), { timeoutMs: 60_000 });
  // The same cuts each time: two numbers per connection.
  const cuts = Array.from({ length: 200 }, (_, i) => ({ events: 1 + ((i * 7) % 12), ms: 10 + ((i * 37) % 90) }));
  for (const [i, cut] of cuts.entries()) {
    const { url } = [first, second][i % 2]!;
    heard.push(...(await (i % 4 < 2 ? hearBySocket : hearByStream)(url, heard.at(-1)!, cut)));
  }
  await eventually(async () => expect((await due()).length).toBeGreaterThan(200), { timeoutMs: 60_000 });
  await calm();
  await settle(stack);
  const all = await due();
  await eventually(
    async () => {
      const cut = { events: all.length, ms: 1_000 };
      heard.push(...(await hearBySocket(first.url, heard.at(-1)!, cut)));
      expect(heard.length).toBeGreaterThanOrEqual(all.length);
    },
    { timeoutMs: 30_000 },
  );
  expect(heard.slice(0, all.length).findIndex((id, i) => id !== all[i])).toBe(-1);
  expect(new Set(heard).size).toBe(heard.length);
  const { rows } = await pool.query<{ business_key: string }>(
    `(select business_key from results where kind = 'order_window' and cap = 'LOW' and position <= (select position from commit_clock) order by position desc limit 2)
     union all (select business_key from results where kind = 'order_window' and cap <> 'LOW' order by position desc limit 2)`,
  );
  await drivers.caughtUp(stack);
  for (const { business_key: key } of rows) {
    for (const { url } of [first, second])
      for (const store of STORES) await explainedWell(`${url}/graphql`, key, store);
  }
}, 180_000);

test('the slot is gone: mend-cdc makes it anew, the read models see that changes are missing, and hold everything again', async () => {
  const slots = async (): Promise<number> => (await pool.query('select 1 from pg_replication_slots')).rowCount ?? 0;
  await eventually(async () => {
    await pool.query('select pg_terminate_backend(active_pid) from pg_replication_slots where active');
    await pool.query('select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active');
    expect(await slots()).toBe(0);
  });
  // What is accepted meanwhile nobody publishes.
  const taken = await takenIn(first);
  generate();
  await eventually(async () => expect(await takenIn(first)).toBeGreaterThan(taken + 20), { timeoutMs: 60_000 });
  const mend = () =>
    execa('node', ['bin/tidemark.mjs', 'mend-cdc'], {
      cwd: REPOSITORY,
      env: { POSTGRES_URL: stack.postgresUrl, CONNECT_URL: stack.connectUrl },
    });
  const { stdout } = await mend();
  expect(stdout).toMatch(/was made anew[^]*reads its slot/);
  expect(await slots()).toBe(1);
  await allEqual([first, second]);
  // All is well: nothing is made anew.
  expect((await mend()).stdout).not.toMatch(/anew/);
}, 240_000);

test('one is sent away under load: it ends within its limit, without force, and the other goes on alone', async () => {
  generate();
  await eventually(async () => expect(await takenIn(second)).toBeGreaterThan(0), { timeoutMs: 60_000 });
  const from = performance.now();
  await judging([first], () => second.component.stop());
  process.stderr.write(`drained in ${Math.round(performance.now() - from)} ms\n`);
  expect(notes).toEqual([]);
  await allEqual([first]);
}, 240_000);
