/**
 * What clients demand of real servers, two of one stack: sessions that change servers and stores, and programs made at
 * random (contract.md §2, §8).
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { createClient, DASHBOARD, type Client, type Policy } from '../client/index.js';
import { Random } from '../lab/simulation/random.js';
import { startSecondServer, type SecondServer } from '../lab/soak/second-server.js';
import { PROGRAM, runProgram, type Step } from './harness/client-program.js';
import { eventually } from './harness/eventually.js';
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
