/**
 * What clients demand of real servers, two of one stack: sessions that change servers and stores, programs made at random,
 * waits, and stores that are stopped in turn under load (contract.md §2, §8).
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { createClient, DASHBOARD, type Client, type Policy } from '../client/index.js';
import { Random } from '../lab/simulation/random.js';
import { startSecondServer, type SecondServer } from '../lab/soak/second-server.js';
import { PROGRAM, runProgram, type Step } from './harness/client-program.js';
import { eventually } from './harness/eventually.js';
import { ask, CONTRACT } from './harness/graphql.js';
import { killAtExit } from './harness/kill-at-exit.js';
import { OrderWriter, untrue, type OrderAnswer, type WrittenOrder } from './harness/order-writer.js';
import { startStack, type TestStack } from './harness/stack.js';
import { Recorder } from './outside/history.js';

const SEED = Number(process.env['TIDEMARK_SEED'] ?? Math.floor(Math.random() * 1e6));
const POOL = 3;
const QUEUE = 6;

let stack: TestStack;
let second: SecondServer;
let writer: OrderWriter;
let urls: readonly string[] = [];

beforeAll(async () => {
  const server = { env: { POSTGRES_POOL: String(POOL), POSTGRES_QUEUE: String(QUEUE) } };
  stack = await startStack({ without: ['generator'], overrides: { server } });
  second = await startSecondServer(stack);
  killAtExit(second.component);
  urls = [stack.graphqlUrl, second.graphqlUrl];
  writer = await OrderWriter.connect(stack.kafkaBrokers);
  process.stderr.write(`sessions.stack.test.ts: TIDEMARK_SEED=${SEED}\n`);
}, 600_000);
afterAll(async () => {
  await writer?.close();
  await second?.component.stop();
  await stack?.stop();
}, 90_000);

const connector = (action: 'pause' | 'resume'): Promise<Response> =>
  fetch(`${stack.connectUrl}/connectors/tidemark-commit-log/${action}`, { method: 'PUT' });

async function connectorIs(state: string): Promise<void> {
  await eventually(
    async () => {
      const answer = await fetch(`${stack.connectUrl}/connectors/tidemark-commit-log/status`);
      const { tasks } = (await answer.json()) as { tasks: { state: string }[] };
      expect(tasks.map((task) => task.state)).toEqual([state]);
    },
    { timeoutMs: 60_000, everyMs: 100 },
  );
}

/** Everybody `times` over, so many at once. */
async function inParallel<T>(list: readonly T[], most: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = [...list];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: most }, worker));
}

/** Whatever it is worth is used; what is not an answer to the demand is not. */
const POLICY: Policy = {
  ...DASHBOARD,
  name: 'any',
  minConfidence: 'LOW',
  maxStalenessMs: 3_600_000,
  fallback: 'NOTHING',
  steady: { answers: 1, forMs: 0, atMostMs: 0, probeMs: 1_000 },
};

/** A session of the SDK whose every request goes to either server. */
function roaming(random: Random): { readonly client: Client; readonly server: () => string } {
  let last = '';
  const client = createClient({
    url: urls[0] ?? '',
    policy: POLICY,
    random: () => random.unit(),
    fetch: (_, init) => fetch((last = random.pick(urls)), init),
  });
  return { client, server: () => last };
}

/** A machine that does other things needs longer than one request may take. */
async function confirmed(client: Client, { eventId }: WrittenOrder): Promise<boolean> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const receipt = await client.awaitIngested([eventId]).catch(() => null);
    if (receipt?.missing.length === 0) return true;
  }
  return false;
}

interface One {
  readonly order: OrderAnswer | null;
}
const ORDER = 'query ($id: ID!) { order(orderId: $id) { quantity { value provenAt reasons { code } } } }';

test('sessions of the SDK that change servers and stores read their writes and never see the past', async () => {
  const keep = process.env['TIDEMARK_OUTSIDE'];
  const folder = keep ?? mkdtempSync(join(tmpdir(), 'tidemark-sessions-'));
  mkdirSync(folder, { recursive: true });
  const recorder = new Recorder(join(folder, 'real-servers.jsonl'));
  const wrong: string[] = [];
  const sessions = Array.from({ length: 250 }, (_, n) => n);
  let done = 0;
  await inParallel(sessions, 25, async (n) => {
    const random = new Random(SEED * 1_000 + n);
    const { client, server } = roaming(random);
    const session = `s${n}`;
    const orderId = `S${n % 7}-${n % 60}`;
    let [wrote, saw] = [0, 0];
    for (let step = 0; step < 6; step += 1) {
      if (step === 0 || random.chance(0.1)) {
        const call = recorder.now();
        const written = await writer.write(orderId);
        const end = (await confirmed(client, written)) ? recorder.now() : null;
        if (end !== null) {
          writer.accepted(written);
          wrote = Math.max(wrote, written.version);
        }
        recorder.add({ session, op: 'write', key: orderId, version: written.version, call, return: end });
        continue;
      }
      const due = writer.due(orderId);
      const call = recorder.now();
      const requirement = random.chance(0.25) ? ({ scope: 'STRONG' } as const) : {};
      const { shown, from, contract } = await client.query<One>(ORDER, { variables: { id: orderId }, requirement });
      if (from !== 'ANSWER') continue;
      const version = shown?.order?.quantity.value ?? 0;
      const place = { server: server(), store: contract?.servedBy ?? '?' };
      recorder.add({ session, op: 'read', key: orderId, version, call, return: recorder.now(), ...place });
      if (version < wrote || version < saw)
        wrong.push(`${session} of ${orderId}: ${version} after ${saw}, wrote ${wrote}`);
      if (shown?.order) wrong.push(...[untrue(writer, orderId, due, shown.order)].filter((one) => one !== null));
      saw = Math.max(saw, version);
    }
    done += 1;
    // While CDC stands still, what was just written is in Postgres alone.
    if (done === 60) await connector('pause');
    if (done === 160) await connector('resume');
  });
  await connector('resume');
  recorder.close();
  if (keep === undefined) rmSync(folder, { recursive: true, force: true });
  expect([SEED, wrong]).toEqual([SEED, []]);
  expect(recorder.writes).toBeGreaterThan(250);
  expect(recorder.reads).toBeGreaterThan(600);
  expect([...recorder.servers].sort()).toEqual([...urls].sort());
  expect([...recorder.stores]).toEqual(expect.arrayContaining(['MONGODB', 'POSTGRES']));
}, 400_000);

test('50 programs made at random: no answer breaks its requirement or its claim', async () => {
  const programs = fc.sample(PROGRAM, { numRuns: 50, seed: SEED });
  const wrong: string[] = [];
  const told = new Map<string, number>();
  const world = { urls, writer, connector, told: (what: string) => void told.set(what, (told.get(what) ?? 0) + 1) };
  await inParallel([...programs.entries()], 10, async ([n, steps]: [number, readonly Step[]]) => {
    const found = await runProgram(world, n, new Random(SEED * 1_000 + n), steps);
    if (found.length > 0) wrong.push(`program ${n} of seed ${SEED}, ${JSON.stringify(steps)}: ${found.join('; ')}`);
  });
  await connector('resume');
  await connectorIs('RUNNING');
  expect(wrong).toEqual([]);
  process.stderr.write(`${JSON.stringify(Object.fromEntries([...told].sort()))}\n`);
  // Each way of meeting a demand, and of not meeting it, was taken.
  for (const what of ['met by MONGODB', 'met by POSTGRES', 'unmet', 'TOKEN_FOREIGN'])
    expect([what, told.get(what) ?? 0]).not.toEqual([what, 0]);
}, 240_000);

test('a search that waits for a token is answered when Elasticsearch has come there, and not before', async () => {
  const orderId = 'WAITS-1';
  await connectorIs('RUNNING');
  const client = createClient({ url: stack.graphqlUrl });
  await connector('pause');
  await connectorIs('PAUSED');
  const written = await writer.write(orderId);
  await eventually(async () => expect((await client.awaitIngested([written.eventId])).missing).toEqual([]), {
    timeoutMs: 60_000,
  });
  const token = client.session.token ?? '';
  const search = (timeoutMs: number): ReturnType<typeof ask> =>
    ask(
      stack.graphqlUrl,
      `query ($token: String!) @consistency(atLeast: $token, onUnmet: WAIT, timeoutMs: ${timeoutMs}, explainPlan: true) {
         search(text: "${orderId}", kind: "order") { edges { node { ... on Order { quantity { value } } } } } }`,
      { token },
    );
  // A busy Elasticsearch may not answer at all at first: STORE_UNAVAILABLE.
  await eventually(
    async () => {
      const inTime = await search(400);
      expect(inTime.errors?.map(({ extensions }) => extensions?.code)).toEqual(['CONSISTENCY_UNMET']);
      expect(inTime.receivedAt - inTime.sentAt).toBeGreaterThanOrEqual(390);
    },
    { timeoutMs: 60_000 },
  );
  let early = true;
  const waiting = search(4_000).then((answer) => ({ answer, early }));
  const still = { not: 'yet' };
  expect(await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 1_000, still))])).toBe(still);
  early = false;
  await connector('resume');
  const first = await waiting;
  expect(first.early).toBe(false);
  // A slow machine may need longer than a request may take: then it says so, and is asked again.
  const { answer } = await eventually(
    async () => {
      const again = first.answer.errors === undefined ? first.answer : await search(4_000);
      expect(again.errors).toBeUndefined();
      return { answer: again };
    },
    { timeoutMs: 90_000 },
  );
  expect(answer.data.search.edges).toEqual([{ node: { quantity: { value: 1 } } }]);
  expect(answer.extensions.consistency.plan[0]).toMatchObject({ met: true, servedBy: 'ELASTICSEARCH' });
}, 240_000);

/** Codes that say what is the matter, and that asking again may help. */
const HONEST = new Set(['CONSISTENCY_UNMET', 'POSTGRES_BUSY', 'STORE_UNAVAILABLE', 'REQUEST_TIMEOUT']);
const QUESTIONS = [
  (id: string) => `one: order(orderId: "${id}") { quantity { value ${CONTRACT} } }`,
  (id: string) => `one: order(orderId: "${id}") @consistency(scope: STRONG) { quantity { value ${CONTRACT} } }`,
  (id: string) =>
    `one: order(orderId: "${id}") @consistency(maxStalenessMs: 300, timeoutMs: 50) { quantity { value ${CONTRACT} } }`,
  () => 'list: orders(symbol: "S1", first: 20) @consistency(maxStalenessMs: 500, onUnmet: NULL) { edges { cursor } }',
  () =>
    'stats: symbolStats(symbol: "S1", from: "2026-01-01T00:00:00Z", to: "2100-01-01T00:00:00Z") { ordersTotal { value confidenceLevel } }',
  (id: string) => `search(text: "${id}") { contract { confidenceLevel } }`,
];

const metric = async (url: string, name: string): Promise<number> => {
  const text = await (await fetch(url.replace('/graphql', '/metrics'))).text();
  return Number(new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (\\d+)$`, 'm').exec(text)?.[1] ?? NaN);
};

test('MongoDB, Elasticsearch, then Postgres stopped under load: honest answers, Postgres within its bound, well again by themselves', async () => {
  const orders = Array.from({ length: 12 }, (_, n) => `S1-L${n}`);
  const client = createClient({ url: stack.graphqlUrl });
  const write = async (orderId: string): Promise<void> => {
    const written = await writer.write(orderId);
    const { missing } = await client.awaitIngested([written.eventId], { timeoutMs: 3_000 });
    if (missing.length === 0) writer.accepted(written);
  };
  await Promise.all(orders.map(write));
  const wrong: string[] = [];
  const seen = new Map<string, number>();
  const note = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);
  let running = true;
  const random = new Random(SEED);
  const worker = async (): Promise<void> => {
    while (running) {
      const orderId = random.pick(orders);
      const due = writer.due(orderId);
      const url = random.pick(urls);
      const { data, errors = [] } = await ask(url, `{ ${random.pick(QUESTIONS)(orderId)} }`);
      for (const { message, extensions } of errors) {
        note(String(extensions?.code));
        if (!HONEST.has(String(extensions?.code))) wrong.push(`${extensions?.code}: ${message}`);
      }
      const one = data?.one as (OrderAnswer & { quantity: { servedBy: string } }) | null | undefined;
      if (one == null) continue;
      note(one.quantity.servedBy);
      wrong.push(...[untrue(writer, orderId, due, one)].filter((sentence) => sentence !== null));
    }
  };
  const writing = async (): Promise<void> => {
    while (running) {
      await write(random.pick(orders)).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  // A server that does not answer at all breaks its word, too.
  const silent = (error: Error): void => void wrong.push(`no answer: ${error.message}`);
  const load = [...Array.from({ length: 32 }, () => worker().catch(silent)), writing()];
  const pids = [stack.processes.server.pid, second.component.pid];
  try {
    for (const name of ['mongodb', 'elasticsearch', 'postgres'] as const) {
      const before = seen.get('POSTGRES') ?? 0;
      await stack.processes[name].stop();
      // Meanwhile somebody has answered, or said no, often enough.
      const answers = (): number => [...seen.values()].reduce((a, b) => a + b, 0);
      const from = answers();
      await eventually(
        () => {
          expect(answers()).toBeGreaterThan(from + 300);
          if (name !== 'postgres') expect(seen.get('POSTGRES') ?? 0).toBeGreaterThan(before);
        },
        { timeoutMs: 60_000 },
      );
      await stack.processes[name].start();
      for (const url of urls) {
        await eventually(
          async () => {
            const answer = await fetch(url.replace('/graphql', '/readyz'), { signal: AbortSignal.timeout(5_000) });
            expect([name, await answer.json()]).toEqual([name, { ready: true, reasons: [] }]);
          },
          { timeoutMs: 120_000, everyMs: 250 },
        );
      }
    }
  } finally {
    running = false;
    await Promise.all(load);
  }
  process.stderr.write(`${JSON.stringify(Object.fromEntries([...seen].sort()))}\n`);
  expect(wrong.slice(0, 5)).toEqual([]);
  expect([stack.processes.server.pid, second.component.pid]).toEqual(pids);
  for (const url of urls) {
    const most = await Promise.all(
      ['running', 'waiting'].map((state) => metric(url, `tidemark_postgres_reads_most{state="${state}"}`)),
    );
    process.stderr.write(`at most ${most.join(' reads of Postgres at once, waiting: ')}\n`);
    expect(most[0]).toBeGreaterThan(0);
    expect(most[0]).toBeLessThanOrEqual(POOL);
    expect(most[1]).toBeLessThanOrEqual(QUEUE);
    // Well again: the cheapest store answers, and is proven to be current.
    const id = orders[0] ?? '';
    await eventually(
      async () => {
        const { data } = await ask(url, `{ order(orderId: "${id}") { quantity { value servedBy provenAt } } }`);
        expect(data.order.quantity).toEqual({
          value: writer.begun.get(id),
          servedBy: 'MONGODB',
          provenAt: expect.any(String),
        });
      },
      { timeoutMs: 60_000 },
    );
  }
  const logs = [stack.processes.server.spec.log, second.component.spec.log].map((path) => readFileSync(path, 'utf8'));
  expect(logs.join('').match(/nobody foresaw|unhandled/gi)).toBeNull();
}, 400_000);
