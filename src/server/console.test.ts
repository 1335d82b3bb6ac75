/** How the console's files are served. What the page does: console/console.pg.test.ts. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { startServer, type Harness } from './testing/harness.js';

const TOKEN = 'a-token-of-this-test';
const work = mkdtempSync(join(tmpdir(), 'tidemark-console-'));
const site = join(work, 'site');
const servers: Harness[] = [];
const serve = async (config: Record<string, unknown> = {}): Promise<string> => {
  const server = await startServer({ config: { consoleFolder: site, ...config } });
  servers.push(server);
  return server.url;
};
const get = (url: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, { headers, redirect: 'manual' });

afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  rmSync(work, { recursive: true });
});

/** The tests run in this order: it is built between the first and the second. */
test('what was not built says how to build it, and is there once it is', async () => {
  const url = await serve();
  const page = await get(`${url}/console/`);
  expect([page.status, page.headers.get('cache-control')]).toEqual([503, 'no-store']);
  expect(await page.text()).toContain('npm run console');
  mkdirSync(join(site, 'assets'), { recursive: true });
  writeFileSync(join(site, 'index.html'), '<p>the page');
  writeFileSync(join(site, 'assets', 'a-1.js'), 'plain()');
  writeFileSync(join(site, 'assets', 'a-1.js.gz'), gzipSync('plain()'));
  writeFileSync(join(work, 'secret.txt'), 'not of the console');
  const built = await get(`${url}/console/`);
  expect([built.status, await built.text()]).toEqual([200, '<p>the page']);
});

test('the page may run its own scripts alone, and is looked up each time; what is named by its content is kept', async () => {
  const url = await serve();
  const page = await get(`${url}/console/`);
  const policy = page.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'none'; script-src 'self';");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain('unsafe');
  expect(page.headers.get('cache-control')).toBe('no-cache');
  // As a browser asks; fetch alone would say no-cache.
  const kept = { 'if-none-match': page.headers.get('etag') ?? '', 'cache-control': 'max-age=0' };
  const again = await get(`${url}/console/`, kept);
  expect(again.status).toBe(304);
  const asset = await get(`${url}/console/assets/a-1.js`, { 'accept-encoding': 'gzip' });
  expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect([asset.headers.get('content-encoding'), await asset.text()]).toEqual(['gzip', 'plain()']);
  expect(asset.headers.get('content-type')).toContain('javascript');
});

test('without the slash it leads to the page, and nothing outside its folder is told', async () => {
  const url = await serve();
  const moved = await get(`${url}/console?x=1`);
  expect([moved.status, new URL(moved.headers.get('location') ?? '', `${url}/console`).href]).toEqual([
    302,
    `${url}/console/?x=1`,
  ]);
  for (const path of ['..%2fsecret.txt', '%2e%2e/secret.txt', 'assets/..%2f..%2fsecret.txt', 'nothing.js', 'assets/'])
    expect((await get(`${url}/console/${path}`)).status).toBeGreaterThanOrEqual(400);
});

test('where a token is asked for, the page comes without one and the figures do not', async () => {
  const url = await serve({ token: TOKEN });
  expect((await get(`${url}/console/`)).status).toBe(200);
  expect((await get(`${url}/console/assets/a-1.js`)).status).toBe(200);
  const figures = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"query":"{ serverInfo { version } }"}',
  });
  expect(figures.status).toBe(401);
  expect((await get(`${url}/metrics`)).status).toBe(401);
  expect((await get(`${url}/consoles`)).status).toBe(401);
});
