import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Command, Option } from 'commander';
import { buildSchema, parse, validate } from 'graphql';
import { readFileSync } from 'node:fs';
import { addDeadLetters } from './dead-letters.js';

const SCHEMA = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'));
const LETTER = {
  id: '7',
  state: 'REPLAYED',
  cause: 'BAD_JSON',
  topic: 'orders.events',
  partition: 2,
  offset: '41',
  kafkaKey: 'G001',
  reportedBy: 'orders-kafka-only',
  settledAt: null,
  message: 'no JSON',
};

interface Said {
  readonly code: number;
  readonly out: string;
  readonly warned: string;
  /** What the server was asked. */
  readonly asked: readonly { query: string; variables: unknown; authorization: string | undefined }[];
}

/** Runs the command against a server that gives this answer. */
async function run(args: readonly string[], answer: object): Promise<Said> {
  const asked: { query: string; variables: unknown; authorization: string | undefined }[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { query, variables } = JSON.parse(body) as { query: string; variables: unknown };
      asked.push({ query, variables, authorization: request.headers.authorization });
      response.end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const said = { code: -1, out: '', warned: '' };
  const program = new Command().exitOverride();
  const url = (): Option =>
    new Option('--url <url>').default(`http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`);
  const out = {
    say: (line: string) => void (said.out += `${line}\n`),
    warn: (line: string) => void (said.warned += `${line}\n`),
  };
  addDeadLetters(program, url, out, (code) => (said.code = code));
  try {
    await program.parseAsync(['dead-letters', ...args], { from: 'user' });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
  for (const { query } of asked) expect(validate(SCHEMA, parse(query))).toEqual([]);
  return { ...said, asked };
}

const page = (nodes: readonly object[], hasNextPage = false) => ({
  data: { deadLetters: { edges: nodes.map((node) => ({ node })), pageInfo: { hasNextPage, endCursor: '7' } } },
});

test('lists letters with where they lie and what is still held against results, and how to see more', async () => {
  const { code, out, asked } = await run(
    ['--state', 'OPEN', '--first', '1', '--token', 'secret'],
    page([LETTER], true),
  );
  expect(code).toBe(0);
  expect(out).toMatch(/7.*REPLAYED, not counted yet.*BAD_JSON.*orders\.events\/2@41.*G001.*orders-kafka-only.*no JSON/);
  expect(out).toContain('--after 7');
  expect(asked.map(({ variables, authorization }) => ({ variables, authorization }))).toEqual([
    { variables: { state: 'OPEN', first: 1 }, authorization: 'Bearer secret' },
  ]);
});

test('none is said, and is no failure', async () => {
  const { code, out } = await run([], page([]));
  expect([code, out]).toEqual([0, 'No dead letters.\n']);
});

test('replays with the mended event of a file, and dismisses many; an id that is not there is said and fails', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-cli-'));
  const file = join(folder, 'mended.json');
  writeFileSync(file, '{"op":"c"}');
  try {
    const replayed = await run(['replay', '7', '--payload', file], { data: { letters: [LETTER] } });
    expect([replayed.code, replayed.asked[0]?.variables]).toEqual([0, { ids: ['7'], payload: '{"op":"c"}' }]);
  } finally {
    rmSync(folder, { recursive: true });
  }
  const settled = { ...LETTER, state: 'DISMISSED' };
  const dismissed = await run(['dismiss', '7', '8'], { data: { letters: [settled] } });
  expect([dismissed.code, dismissed.warned]).toEqual([1, 'There is no dead letter 8.\n']);
  expect(dismissed.asked[0]?.variables).toEqual({ ids: ['7', '8'] });
});

test("the server's refusal is told with its code, and fails", async () => {
  const errors = [{ message: 'Give 1 to 500 ids of dead letters.', extensions: { code: 'BAD_DEAD_LETTER_IDS' } }];
  const { code, warned } = await run(['dismiss', 'x'], { data: null, errors });
  expect([code, warned]).toEqual([1, 'BAD_DEAD_LETTER_IDS: Give 1 to 500 ids of dead letters.\n']);
});
