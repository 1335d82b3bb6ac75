/* eslint-disable @typescript-eslint/no-unsafe-return -- a body's shape depends on its query; it is compared whole */
/** What the server refuses, and how it says so: coded, without internals, before anything is read. */
import { SAVED_QUERIES } from './saved-queries.js';
import { windowRow } from './testing/fake-store.js';
import { configOf, startServer, type Harness } from './testing/harness.js';
import { refuseOpenBind } from './access.js';
import { AppError } from '../errors.js';
import { position } from '../position/position.js';
import { encodeToken } from '../position/token.js';

const AT = '2026-01-05T09:02:30.000Z';
const ONE = `orderWindow(symbol: "005930", at: "${AT}")`;
/** Of the vectors (wire/tokens.json): its position was changed. */
const TAMPERED = 'Mi4wYjZmN2E1Mi02YzFlLTRhN2EtOWE1NS0zYzBmNGUzZjFhMDEuNDMuNmI3MjlmNTQ';
const JSON_TYPE = { 'content-type': 'application/json' };

let server: Harness;
beforeEach(async () => {
  server = await startServer({
    limits: { requestMs: 300, proofMs: 5000, readMs: 5000, drainMs: 300, bodyBytes: 50_000 },
  });
  server.mongodb.hold(windowRow());
  server.postgres.hold(windowRow());
});
afterEach(() => server.close());

const codes = ({ body }: { body: { errors: { extensions: { code: string } }[] } }): string[] =>
  body.errors.map((error) => error.extensions.code);
const refused = async (query: string, variables = {}): Promise<unknown[]> => {
  const answer = await server.query(query, variables);
  expect([server.mongodb.asked, server.postgres.asked, server.proofs.proved]).toEqual([[], [], 0]);
  expect(answer.text).not.toMatch(/stack|node_modules|\.ts:/);
  return [answer.status, codes(answer)];
};

test('@consistency takes the scope, of the operation or the field the stricter one, from variables too', async () => {
  const served = async (query: string, variables = {}) => {
    const { body } = await server.query(query, variables);
    return [body.data.orderWindow.totalAmount.servedBy, body.data.orderWindow.totalAmount.consistencyScope];
  };
  const fields = '{ totalAmount { servedBy consistencyScope } }';
  const [postgres, mongodb] = [
    ['POSTGRES', 'STRONG'],
    ['MONGODB', 'EVENTUAL'],
  ];
  expect(await served(`query @consistency(scope: STRONG) { ${ONE} ${fields} }`)).toEqual(postgres);
  expect(await served(`query @consistency(scope: STRONG) { ${ONE} @consistency(scope: EVENTUAL) ${fields} }`)).toEqual(
    postgres,
  );
  expect(await served(`query @consistency(scope: EVENTUAL) { ${ONE} @consistency(scope: STRONG) ${fields} }`)).toEqual(
    postgres,
  );
  expect(await served(`query @consistency(scope: EVENTUAL) { ${ONE} ${fields} }`)).toEqual(mongodb);
  expect(
    await served(
      `query Q($s: ConsistencyScope) { ...F } fragment F on Query { ${ONE} @consistency(scope: $s) ${fields} }`,
      { s: 'STRONG' },
    ),
  ).toEqual(postgres);
  expect(await served(`query Q($s: ConsistencyScope = STRONG) { ${ONE} @consistency(scope: $s) ${fields} }`)).toEqual(
    postgres,
  );
  expect(await served(`query Q($s: ConsistencyScope) { ${ONE} @consistency(scope: $s) ${fields} }`)).toEqual(mongodb);
});

test('a demand that is malformed, contradictory or out of place is refused with its place, before anything is read', async () => {
  const on = (demand: string): string => `{ ${ONE} @consistency(${demand}) { kind } }`;
  const unsupported = [400, ['CONSISTENCY_UNSUPPORTED']];
  const token = encodeToken({ incarnation: 'inc-1', position: position(7) });
  for (const [demand, code] of [
    ['scope: SEARCH', 'CONSISTENCY_UNSUPPORTED'],
    ['maxStalenessMs: 0', 'CONSISTENCY_INVALID'],
    ['maxStalenessMs: -5', 'CONSISTENCY_INVALID'],
    ['timeoutMs: -1', 'CONSISTENCY_INVALID'],
    ['atLeast: "x"', 'TOKEN_MALFORMED'],
    [`atLeast: "${TAMPERED}"`, 'TOKEN_TAMPERED'],
    ['onUnmet: WAIT, timeoutMs: 0', 'CONSISTENCY_CONTRADICTION'],
  ] as const) {
    expect([demand, await refused(on(demand))]).toEqual([demand, [400, [code]]]);
  }
  for (const query of [
    '{ search(text: "x") @consistency(minConfidence: HIGH) { contract { stale } } }',
    'query @consistency(minConfidence: HIGH) { search(text: "x") { contract { stale } } }',
    '{ orders @consistency(minConfidence: HIGH, scope: SEARCH) { contract { stale } } }',
    'query @consistency(minConfidence: HIGH) { orders @consistency(scope: SEARCH) { contract { stale } } }',
  ]) {
    expect([query, await refused(query)]).toEqual([query, [400, ['CONSISTENCY_CONTRADICTION']]]);
  }
  const other = encodeToken({ incarnation: 'inc-2', position: position(7) });
  expect(
    await refused(`query @consistency(atLeast: "${token}") { ${ONE} @consistency(atLeast: "${other}") { kind } }`),
  ).toEqual([400, ['TOKEN_FOREIGN']]);
  expect(await refused(`{ ${ONE} { totalAmount @consistency(scope: STRONG) { value } } }`)).toEqual(unsupported);
  expect(await refused('{ serverInfo @consistency(scope: STRONG) { version } }')).toEqual(unsupported);
  expect(
    await refused(`query Q($s: ConsistencyScope) { ${ONE} @consistency(scope: $s) { kind } }`, { s: 'SEARCH' }),
  ).toEqual(unsupported);
  const { body } = await server.query(`{\n  ${ONE} @consistency(maxStalenessMs: 0) { kind } }`);
  expect(body.errors[0].locations).toEqual([{ line: 2, column: 3 + ONE.length + ' @consistency('.length }]);
});

test('the header says the same as the directive, and is refused as strictly', async () => {
  const asked = (header: string) =>
    server.query(`{ ${ONE} { totalAmount { servedBy } } }`, {}, { 'tidemark-consistency': header });
  for (const [header, code] of [
    ['scope=', 'CONSISTENCY_INVALID'],
    ['scope=NEVER', 'CONSISTENCY_INVALID'],
    ['max-staleness-ms=soon', 'CONSISTENCY_INVALID'],
    ['freshness=1', 'CONSISTENCY_INVALID'],
    ['scope=SEARCH', 'CONSISTENCY_UNSUPPORTED'],
    ['at-least="x"', 'TOKEN_MALFORMED'],
    ['on-unmet=WAIT, timeout-ms=0', 'CONSISTENCY_CONTRADICTION'],
  ] as const) {
    const answer = await asked(header);
    expect([header, answer.status, codes(answer)]).toEqual([header, 400, [code]]);
  }
  expect([server.mongodb.asked, server.postgres.asked, server.proofs.proved]).toEqual([[], [], 0]);
  expect((await asked('scope=STRONG, max-staleness-ms=5000')).body.data.orderWindow.totalAmount.servedBy).toBe(
    'POSTGRES',
  );
});

test('too deep, too many aliases, directives, tokens or values is refused before anything is read', async () => {
  const many = (n: number, text: (i: number) => string): string =>
    Array.from({ length: n }, (_, i) => text(i)).join(' ');
  const deep = `${'...on Query{'.repeat(11)} __typename ${'}'.repeat(11)}`;
  for (const query of [
    `{ ${deep} }`,
    `{ ${many(31, (i) => `a${i}: __typename`)} }`,
    `{ __typename ${many(21, () => '@skip(if: false)')} }`,
  ]) {
    expect((await refused(query))[0]).toBe(400);
  }
  expect(await refused(`{ ${many(2001, () => '__typename')} }`)).toEqual([400, ['GRAPHQL_PARSE_FAILED']]);
  const page = 'edges { node { totalAmount { value position servedBy } minPrice { value position servedBy } } }';
  expect(
    await refused(`query Q($n: Int!) { ${many(25, (i) => `a${i}: orderWindows(first: $n) { ${page} }`)} }`, { n: 500 }),
  ).toEqual([400, ['COST_EXCEEDED']]);
});

test('bad input is the client’s, with a code', async () => {
  expect(await refused('{ nope }')).toEqual([400, ['GRAPHQL_VALIDATION_FAILED']]);
  expect(await refused('{')).toEqual([400, ['GRAPHQL_PARSE_FAILED']]);
  expect(await refused('query A { __typename } query B { __typename }')).toEqual([
    400,
    ['OPERATION_RESOLUTION_FAILURE'],
  ]);
  expect(
    await refused('query Q($at: DateTime!) { orderWindow(symbol: "x", at: $at) { kind } }', { at: 'never' }),
  ).toEqual([400, ['BAD_USER_INPUT']]);
  expect(await refused('{ orderWindows(first: 501) { pageInfo { endCursor } } }')).toEqual([200, ['BAD_PAGE_SIZE']]);
  expect(await refused('{ orderWindows(after: "zz") { pageInfo { endCursor } } }')).toEqual([200, ['BAD_CURSOR']]);
});

test('a foreign page can send nothing: forms, plain text and bare GETs are refused', async () => {
  const query = JSON.stringify({ query: '{ __typename }' });
  expect((await server.post('/graphql', query, { 'content-type': 'text/plain' })).status).toBe(415);
  expect(
    (await server.post('/graphql', 'query=1', { 'content-type': 'application/x-www-form-urlencoded' })).status,
  ).toBe(415);
  expect((await server.get('/graphql?query={__typename}')).status).toBe(400);
  expect((await server.get('/graphql?query={__typename}', { 'apollo-require-preflight': 'x' })).body).toEqual({
    data: { __typename: 'Query' },
  });
});

test('bodies have a limit and a shape', async () => {
  const big = await server.post(
    '/graphql',
    JSON.stringify({ query: `{ __typename } # ${'x'.repeat(51_000)}` }),
    JSON_TYPE,
  );
  expect([big.status, codes(big)]).toEqual([413, ['BODY_TOO_LARGE']]);
  const broken = await server.post('/graphql', '{"query":', JSON_TYPE);
  expect([broken.status, codes(broken)]).toEqual([400, ['BAD_REQUEST']]);
  const nowhere = await server.get('/other');
  expect([nowhere.status, codes(nowhere)]).toEqual([404, ['NOT_FOUND']]);
});

test('an error nobody foresaw is masked, and the log has it under the id that the client got', async () => {
  server.proofs.now = () => {
    throw new Error('secret detail');
  };
  const { body, text } = await server.query(`{ serverInfo { time } }`);
  expect(text).not.toContain('secret');
  expect(body.errors[0].extensions).toEqual({ code: 'INTERNAL', id: 'id-1' });
  expect(server.logged).toMatchObject([{ id: 'id-1', err: { message: 'secret detail' } }]);
});

test('a request that takes too long is answered with REQUEST_TIMEOUT', async () => {
  let open = (): void => undefined;
  server.mongodb.gate = new Promise((resolve) => (open = resolve));
  const answer = await server.query(`{ ${ONE} { kind } }`);
  open();
  expect([answer.status, codes(answer)]).toEqual([503, ['REQUEST_TIMEOUT']]);
});

test('an address that others can reach needs a token, and the sentence names both variables', () => {
  const refusal = (host: string, token?: string): string => {
    try {
      refuseOpenBind(host, token);
    } catch (error) {
      return error instanceof AppError ? `${error.code} ${error.message}` : 'NOT_CODED';
    }
    return 'allowed';
  };
  for (const host of ['0.0.0.0', '::', '192.168.1.4', 'example.org', '127.example.org'])
    expect(refusal(host)).toMatch(/^CONFIG_UNSAFE_BIND .*TIDEMARK_HOST.*TIDEMARK_TOKEN/);
  expect([
    refusal('127.0.0.1'),
    refusal('::1'),
    refusal('localhost'),
    refusal('127.8.9.1'),
    refusal('0.0.0.0', 's'),
  ]).toEqual(Array(5).fill('allowed'));
  expect(refusal('0.0.0.0', '')).toMatch(/^CONFIG_UNSAFE_BIND/);
});

test('with a token everything but the health checks asks for it', async () => {
  const closed = await startServer({ config: { ...configOf({}), token: 'correct horse' } });
  try {
    const statuses = async (headers: Record<string, string>) =>
      Promise.all(
        [
          closed.query('{ __typename }', {}, headers),
          ...['/metrics', '/other', '/graphql', '/healthz', '/readyz'].map((path) =>
            closed.get(path, { accept: 'text/html', ...headers }),
          ),
        ].map(async (answer) => (await answer).status),
      );
    expect(await statuses({})).toEqual([401, 401, 401, 401, 200, 200]);
    expect(await statuses({ authorization: 'Bearer wrong' })).toEqual([401, 401, 401, 401, 200, 200]);
    expect(await statuses({ authorization: 'Bearer correct horse' })).toEqual([200, 200, 404, 200, 200, 200]);
    expect(codes(await closed.query('{ __typename }'))).toEqual(['UNAUTHENTICATED']);
  } finally {
    await closed.close();
  }
});

test('readiness says why not, liveness does not care, and the metrics count levels served', async () => {
  expect([(await server.get('/healthz')).status, (await server.get('/readyz')).body]).toEqual([
    200,
    { ready: true, reasons: [] },
  ]);
  server.readiness = { ready: false, reasons: ['MongoDB is being rebuilt'] };
  const unready = await server.get('/readyz');
  expect([unready.status, unready.body, (await server.get('/healthz')).status]).toEqual([
    503,
    { ready: false, reasons: ['MongoDB is being rebuilt'] },
    200,
  ]);
  await server.query(`{ orderWindows { edges { node { kind } } } }`);
  const { text } = await server.get('/metrics');
  expect(text).toContain(
    'tidemark_contracts_served_total{level="EVENTUALLY_CONSISTENT",scope="EVENTUAL",store="MONGODB",engine="KAFKA_ONLY"} 2',
  );
  expect(text).toContain('tidemark_graphql_request_duration_seconds_count{method="POST",status="200"} 1');
});

test('a browser gets GraphiQL, whole, from this server alone, with every saved query', async () => {
  const { status, headers, text } = await server.get('/graphql', { accept: 'text/html,application/xhtml+xml' });
  expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  expect(headers.get('content-security-policy')).toContain("connect-src 'self'");
  expect(text).not.toMatch(/<(script|link)[^>]+(src|href)="https?:/);
  const titles = SAVED_QUERIES.map(({ query }) => query.split('\n')[0] ?? '');
  expect([titles.length > 10, titles.filter((title) => !text.includes(title))]).toEqual([true, []]);
});

test('closing lets a request under way end, and waits no longer than it may', async () => {
  let open = (): void => undefined;
  server.mongodb.gate = new Promise((resolve) => (open = resolve));
  const answer = server.query(`{ ${ONE} { kind } }`);
  while (server.mongodb.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const closed = server.close();
  open();
  expect((await answer).body.data).toEqual({ orderWindow: { kind: 'order_window' } });
  await closed;
  await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
});
