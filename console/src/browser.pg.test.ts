/**
 * The built page in a real browser, against a real server over fakes of its stores: no Postgres, but a program that takes
 * seconds, so it runs with the tests of real servers. Without a Chromium it says so and is left out, except in CI.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { position } from '../../src/position/position.js';
import { startServer, type Harness } from '../../src/server/testing/harness.js';
import { FakeFaults } from '../../src/server/testing/fake-faults.js';
import { fact } from '../../src/server/testing/fake-proofs.js';
import { committedAt, orderRow, windowRow } from '../../src/server/testing/fake-store.js';
import { buildConsole } from '../../stack/install/console.js';
import { silent } from '../../stack/progress.js';

const TOKEN = 'a-token-of-this-test';
const KEY = '005930@2026-01-05T09:00:00.000Z';
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RUN = {
  ...{ id: '2026-01-05T09-00-00-000Z-abc', what: 'Lab, cdc-pause: the CDC connector is paused', verdict: 'unknown' },
  ...{ date: '2026-01-05T09:00:00.000Z', seed: 7, commit: '0123456789abcdef', minutes: 2.46, faults: 3 },
  ...{ claims: 12_345, falseClaims: 0, limitsMissed: 2 },
};
/** What it draws it draws itself; it may ask nobody for anything. */
const REPORT = `<!doctype html><html lang="en"><title>report</title><p id="said">not drawn</p><script>
fetch('/graphql').catch(() => (document.getElementById('said').textContent = 'drawn, and alone: ' + origin));
</script></html>`;
const WIDTHS = [1280, 390] as const;
/** Under load a browser may take long to begin. */
const PATIENCE_MS = 60_000;
const TEST_MS = 240_000;

function findChromium(): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const paths = folders.flatMap((folder) => ['chromium', 'chromium-browser'].map((name) => join(folder, name)));
  return paths.find((path) => existsSync(path)) ?? null;
}

const program = findChromium();
if (program === null && process.env['CI'] !== undefined)
  throw new Error('There is no chromium on the PATH: .ci/run installs it (apt-get install chromium).');
if (program === null)
  process.stderr.write(
    'The console was not tested in a browser: no chromium is on the PATH (apt-get install chromium).\n',
  );

interface Rule {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

(program === null ? describe.skip : describe)('the console in a browser', () => {
  let browser: Browser;
  let server: Harness;
  const servers: Harness[] = [];
  let site: string;

  beforeAll(async () => {
    [site, browser] = await Promise.all([
      buildConsole(silent.step('console')),
      chromium.launch({ executablePath: program ?? '', args: ['--no-sandbox'], timeout: PATIENCE_MS }),
    ]);
    server = await serve();
  }, TEST_MS);
  afterAll(async () => {
    await browser?.close();
    for (const server of servers) await server.close();
  }, TEST_MS);

  const serve = async (config: { readonly token?: string } = {}): Promise<Harness> => {
    const made = await startServer({
      config: { consoleFolder: site, ...config },
      faults: new FakeFaults(['kill kafka', 'freeze kafka', 'cdc-pause'], [[RUN, REPORT]]),
      stores: ['POSTGRES', 'MONGODB', 'ELASTICSEARCH', 'CLICKHOUSE'],
    });
    servers.push(made);
    fill(made);
    return made;
  };

  /** A page that notes what the browser complains of, and says so when it is closed. */
  const open = async (url: string, width: number, scheme: 'light' | 'dark' = 'light') => {
    const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme: scheme });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(url);
    return { page, complaints, close: () => context.close() };
  };

  test.each(WIDTHS)(
    'every page shows its figures without a complaint of the browser or of axe, %i px wide',
    async (width) => {
      const { page, complaints, close } = await open(`${server.url}/console`, width, width === 390 ? 'dark' : 'light');
      const looks: readonly (readonly [hash: string, sign: string])[] = [
        ['#/stores', 'MongoDB is more than 5 s behind.'],
        ['#/pipelines', 'orders-flink is silent'],
        ['#/keys', KEY],
        [`#/key?kind=order_window&key=${KEY}`, 'The two engines have different values.'],
        ['#/events', 'The cap rose.'],
        ['#/faults', 'Nothing is broken.'],
        ['#/runs', '? unknown: 2 limits of usefulness missed'],
      ];
      for (const [hash, sign] of looks) {
        await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
        await page.getByText(sign).first().waitFor();
        expect([hash, await seriousOf(page)]).toEqual([hash, []]);
        // Nothing but tables, which scroll in themselves, is wider than the screen.
        expect([hash, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([hash, width]);
      }
      expect(complaints).toEqual([]);
      await close();
    },
    TEST_MS,
  );

  test(
    'what differs is said beside the field, in words, and each contract gives its reasons',
    async () => {
      const { page, close } = await open(`${server.url}/console/#/key?kind=order_window&key=${KEY}`, 1280);
      const row = page.getByRole('table', { name: 'Values by engine' }).getByRole('row', { name: /orders_total/ });
      await row.waitFor();
      expect((await row.innerText()).replaceAll(/\s+/g, ' ').trim()).toBe('orders_total ≠ differs 4 3');
      expect(await page.getByText('NO_CHECKPOINT').count()).toBeGreaterThan(0);
      await close();
    },
    TEST_MS,
  );

  test(
    'by keyboard alone: past the navigation, through a filter, to a key; the address keeps the choice',
    async () => {
      const { page, close } = await open(`${server.url}/console/#/keys`, 1280);
      await page.getByRole('link', { name: KEY }).first().waitFor();
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      expect(await page.evaluate('document.activeElement.tagName')).toBe('H1');
      await page.getByLabel('Kind').focus();
      await page.keyboard.press('ArrowDown');
      await page.getByRole('link', { name: 'order-1' }).first().waitFor();
      expect(new URL(page.url()).hash).toBe('#/keys?kind=order');
      await page.getByRole('link', { name: 'order-1' }).first().focus();
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 1, name: 'One key everywhere' }).waitFor();
      expect(await page.evaluate('document.activeElement.tagName')).toBe('H1');
      await close();
    },
    TEST_MS,
  );

  test(
    'in lab mode a fault is broken and mended on its page, one at a time',
    async () => {
      const { page, close } = await open(`${server.url}/console/`, 1280);
      await page.getByRole('link', { name: 'Faults' }).click();
      await page.getByRole('button', { name: 'Break kill kafka' }).click();
      await page.getByText('✗ kill kafka: on, until 09:00:20 UTC').waitFor();
      expect(await page.getByRole('button', { name: 'Break cdc-pause' }).isDisabled()).toBe(true);
      await page.getByRole('button', { name: 'Mend kill kafka' }).click();
      await page.getByText('✓ Nothing is broken.').waitFor();
      await close();
    },
    TEST_MS,
  );

  test(
    'in lab mode the runs of the lab are listed, and a report opens on a page of its own, which draws itself and reaches nothing',
    async () => {
      const { page, close } = await open(`${server.url}/console/#/runs`, 1280);
      const row = page.getByRole('row', { name: /cdc-pause/ });
      await row.waitFor();
      expect((await row.locator('td').allInnerTexts()).slice(0, 5)).toEqual([
        ...['? unknown: 2 limits of usefulness missed', '0', '12345', '3', '2.5'],
      ]);
      const [report] = await Promise.all([
        page.context().waitForEvent('page'),
        row.getByRole('link', { name: /report, in a new tab/ }).click(),
      ]);
      report.setDefaultTimeout(PATIENCE_MS);
      await report.getByText('drawn, and alone: null').waitFor();
      expect((await fetch(`${server.url}/lab/runs/nothing`)).status).toBe(404);
      await close();
    },
    TEST_MS,
  );

  test(
    'a server that has gone is said to be gone, its figures stay and are said to be old; when it is back they live',
    async () => {
      const { page, close } = await open(`${server.url}/console/#/stores`, 1280);
      const shown = page.getByRole('heading', { name: /ClickHouse/ });
      await shown.waitFor();
      await page.context().setOffline(true);
      await page.getByText('The server does not answer.').waitFor();
      await page.getByText('The figures below are old.').waitFor();
      expect(await shown.count()).toBe(1);
      expect(await page.locator('.figures.old').count()).toBe(1);
      await page.context().setOffline(false);
      await page.getByText('The figures are live.').waitFor({ state: 'attached' });
      expect(await page.locator('.figures.old').count()).toBe(0);
      await close();
    },
    TEST_MS,
  );

  test(
    'where a token is asked for it is entered on the page, sent with each question, and in no address',
    async () => {
      const closed = await serve({ token: TOKEN });
      const { page, close } = await open(`${closed.url}/console/`, 390);
      const field = page.getByLabel('Token (TIDEMARK_TOKEN)');
      await field.fill('a-wrong-token-12345');
      await field.press('Enter');
      await page.getByText('It did not take the token').waitFor();
      expect(await seriousOf(page)).toEqual([]);
      await field.fill(TOKEN);
      await field.press('Enter');
      await page.getByRole('heading', { name: /MongoDB/ }).waitFor();
      expect(await field.count()).toBe(0);
      expect(page.url()).not.toContain(TOKEN);
      expect(await page.evaluate('[localStorage.length, document.cookie]')).toEqual([0, '']);
      await close();
    },
    TEST_MS,
  );
});

async function seriousOf(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const options = { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] };
  const { violations } = await page.evaluate<{ violations: Rule[] }>(`axe.run(${JSON.stringify(options)})`);
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** One key that the engines disagree on, an order, a store that lags, a silent pipeline, an event. */
function fill(server: Harness): void {
  const flink = { engine: 'FLINK', cap: 'HIGH', reasons: [], pipeline: 'orders-flink' } as const;
  for (const store of [server.postgres, server.mongodb, server.elasticsearch, server.clickhouse])
    store.hold(windowRow(), windowRow(flink, { orders_total: 3 }), orderRow(), orderRow(flink));
  server.postgres.hold(windowRow({}, { orders_total: 4 }));
  server.proofs.pipelines = [fact(), fact({ lastHeartbeatAt: committedAt(0) }, 'FLINK')];
  server.health = (['POSTGRES', 'MONGODB', 'ELASTICSEARCH', 'CLICKHOUSE'] as const).map((store) => ({
    store,
    healthy: true,
    appliedPosition: position(store === 'MONGODB' ? 80 : 100),
    appliedCommittedAt: committedAt(store === 'MONGODB' ? 80 : 100),
    detail: store === 'MONGODB' ? 'It follows at position 80.' : null,
  }));
  server.ledgers.stalenessEvents = [
    {
      position: position(90),
      ordinal: 0,
      incarnation: null,
      store: null,
      type: 'CONFIDENCE_RAISED',
      at: committedAt(90),
      pipeline: 'orders-flink',
      run: 'run-1',
      engine: 'FLINK',
      kind: 'order_window',
      businessKey: KEY,
      symbol: '005930',
      levelBefore: 'EVENTUALLY_CONSISTENT',
      levelAfter: 'HIGH',
      reasons: [],
      message: 'The cap rose.',
    },
  ];
}
