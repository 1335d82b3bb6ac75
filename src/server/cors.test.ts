/** Pages of other origins: those that were named may ask, all others are told nothing. */
import { startServer } from './testing/harness.js';

const OURS = 'https://app.example.com';
const TOKEN = 'a-token-of-this-test';

async function withServer(
  config: NonNullable<Parameters<typeof startServer>[0]>['config'],
  look: (ask: (method: string, headers: Record<string, string>) => Promise<Response>) => Promise<void>,
): Promise<void> {
  const server = await startServer({ config: config ?? {} });
  try {
    await look((method, headers) =>
      fetch(`${server.url}/graphql`, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(method === 'POST' && { body: '{"query":"{ __typename }"}' }),
      }),
    );
  } finally {
    await server.close();
  }
}

const preflight = (origin: string): Record<string, string> => ({
  origin,
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'content-type,tidemark-consistency,authorization',
});
const allowed = ({ headers }: Response): string | null => headers.get('access-control-allow-origin');

test('nobody is allowed unless named', async () => {
  await withServer({}, async (ask) => {
    expect(allowed(await ask('OPTIONS', preflight(OURS)))).toBeNull();
    expect(allowed(await ask('POST', { origin: OURS }))).toBeNull();
  });
});

test('a page of a named origin may send what the contract needs, before it is asked for a token; another may not', async () => {
  await withServer({ corsOrigins: [OURS], token: TOKEN }, async (ask) => {
    const told = await ask('OPTIONS', preflight(OURS));
    expect([told.status, allowed(told)]).toEqual([204, OURS]);
    expect(told.headers.get('access-control-allow-headers')).toContain('tidemark-consistency');
    expect(told.headers.get('access-control-allow-credentials')).toBeNull();
    for (const origin of ['https://evil.example.com', `${OURS}.evil.example`, 'null'])
      expect(allowed(await ask('OPTIONS', preflight(origin)))).toBeNull();
    // The preflight is no way around the token, and a refusal can be read by the page.
    const refused = await ask('POST', { origin: OURS });
    expect([refused.status, allowed(refused)]).toEqual([401, OURS]);
    const answered = await ask('POST', { origin: OURS, authorization: `Bearer ${TOKEN}` });
    expect([answered.status, allowed(answered), await answered.json()]).toEqual([
      200,
      OURS,
      { data: { __typename: 'Query' } },
    ]);
  });
});
