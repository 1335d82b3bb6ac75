/**
 * CPU µs per request of the GraphQL server over in-memory stores, beside an ordinary API over the same rows (plain.ts):
 * `npx tsx bench/graphql.ts [seconds]`. The load comes from this process, the servers run in a child that reports its own
 * CPU time, so that only they are counted; one of them is asked at a time.
 */
import { fork } from 'node:child_process';
import { Agent, request } from 'node:http';
import { performance } from 'node:perf_hooks';
import { startServer } from '../src/server/testing/harness.js';
import { windowRow } from '../src/server/testing/fake-store.js';
import { position } from '../src/position/position.js';
import { startPlain } from './plain.js';

const SIX = '{ value confidenceLevel consistencyScope lastCheckpointTime stalenessMs stale }';
const ALL =
  '{ value confidenceLevel consistencyScope processingEngine lastCheckpointTime lastCdcSyncTime asOf sourceAsOf stalenessMs stale reasons { code } servedBy position provenAt }';
const FIELDS = [
  'symbol',
  'windowStart',
  'ordersTotal',
  'ordersBuy',
  'ordersSell',
  'totalAmount',
  'averagePrice',
  'maxPrice',
];
const fields = (form: string): string => FIELDS.map((name) => `${name} ${form}`).join(' ');
const object = (form: string): string =>
  `{ orderWindow(symbol: "G000", at: "2026-01-05T09:00:00.000Z") { ${fields(form)} } }`;
const page = (form: string): string =>
  `{ orderWindows(first: 50) { edges { node { ${fields(form)} } } contract { confidenceLevel } } }`;

const CASES: Readonly<Record<string, string>> = {
  'plain API: object': object(''),
  'plain API: page of 50': page('').replace('contract { confidenceLevel }', ''),
  'object, value only': object('{ value }'),
  'object, 8 fields of 6': object(SIX),
  'object, 8 fields of 14': object(ALL),
  'page of 50, value only': page('{ value }'),
  'page of 50, 8 fields of 6': page(SIX),
  'page of 50, 8 fields of 14': page(ALL),
};

const CONNECTIONS = 32;

if (process.argv[2] !== 'serve') await drive(Number(process.argv[2] ?? 4));
else await serve();

async function serve(): Promise<void> {
  const server = await startServer({ monotonicMs: () => performance.now() });
  for (let i = 0; i < 100; i++) {
    const row = windowRow({ position: position(i + 1) }, { symbol: `G${String(i).padStart(3, '0')}` });
    server.mongodb.hold(row);
    server.postgres.hold(row);
  }
  const plain = await startPlain(server.mongodb);
  process.on('message', (message) =>
    message === 'end' ? void server.close().then(() => process.exit(0)) : process.send?.({ bench: process.cpuUsage() }),
  );
  // A driver that dies must not leave this behind.
  process.on('disconnect', () => process.exit(0));
  process.send?.({ bench: [server.url, plain] });
}

async function drive(seconds: number): Promise<void> {
  const child = fork(new URL(import.meta.url), ['serve'], { execArgv: process.execArgv });
  // tsx sends messages of its own over the same channel.
  const next = <T>(): Promise<T> =>
    new Promise((resolve) => {
      const hear = (message: unknown): void => {
        if (typeof message !== 'object' || message === null || !('bench' in message)) return;
        child.off('message', hear);
        resolve(message.bench as T);
      };
      child.on('message', hear);
    });
  const cpu = async (): Promise<number> => {
    const answer = next<NodeJS.CpuUsage>();
    child.send('cpu');
    const { user, system } = await answer;
    return user + system;
  };
  const [tidemark = '', plain = ''] = await next<string[]>();
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  for (const [name, query] of Object.entries(CASES)) {
    const url = name.startsWith('plain') ? plain : tidemark;
    await load(url, agent, query, 1);
    const before = await cpu();
    const { count, bytes } = await load(url, agent, query, seconds);
    process.stdout.write(
      `${name.padEnd(28)} ${Math.round(((await cpu()) - before) / count)
        .toString()
        .padStart(6)} µs/request ${Math.round(count / seconds)
        .toString()
        .padStart(6)} requests/s ${bytes} bytes\n`,
    );
  }
  agent.destroy();
  child.send('end');
}

async function load(
  url: string,
  agent: Agent,
  query: string,
  seconds: number,
): Promise<{ count: number; bytes: number }> {
  const end = performance.now() + seconds * 1000;
  const body = JSON.stringify({ query });
  let count = 0;
  let bytes = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      bytes = await once(url, agent, body);
      count++;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  return { count, bytes };
}

function once(url: string, agent: Agent, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${url}/graphql`,
      {
        agent,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        let bytes = 0;
        response.on('data', (chunk: Buffer) => (bytes += chunk.length));
        response.on('end', () =>
          response.statusCode === 200 ? resolve(bytes) : reject(new Error(`status ${response.statusCode}`)),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
