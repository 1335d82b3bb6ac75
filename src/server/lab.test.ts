import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startFaultControl, type FaultControl } from '../../lab/control.js';
import { createFaultDesk } from '../lab/desk.js';
import { startServer, type Harness } from './testing/harness.js';

let harness: Harness | undefined;
let control: FaultControl | undefined;
let wrong: Server | undefined;
afterEach(async () => {
  await harness?.close();
  await control?.stop();
  wrong?.close();
  [harness, control, wrong] = [undefined, undefined, undefined];
});

interface Body {
  readonly data: {
    readonly faults: readonly { readonly state: string }[];
    readonly injectFault: unknown;
  };
  readonly errors?: readonly { readonly extensions: { readonly code: string } }[];
}
const codeOf = ({ errors }: Body): string | undefined => errors?.[0]?.extensions.code;
const ask = async (document: string): Promise<Body> => (await harness!.query(document)).body as Body;

test('without the lab mode there is no way to break anything, and the server says that it has none', async () => {
  harness = await startServer();
  expect((await ask('{ serverInfo { lab } }')).data).toEqual({ serverInfo: { lab: false } });
  for (const document of ['{ faults { name } }', 'mutation { injectFault(name: "kill kafka") { name } }'])
    expect(codeOf(await ask(document))).toBe('GRAPHQL_VALIDATION_FAILED');
});

test('in lab mode a fault is broken and mended by name; one at a time', async () => {
  const done: string[] = [];
  const fault = (name: string) => ({
    name,
    inject: async () => void done.push(`${name} on`),
    heal: async () => void done.push(`${name} off`),
    isActive: async () => false,
  });
  control = await startFaultControl({ faults: () => [fault('kill kafka'), fault('cdc-pause')], healAfterMs: 60_000 });
  harness = await startServer({ faults: createFaultDesk(control.url) });
  expect((await ask('{ serverInfo { lab } faults { name state healsAt error } }')).data).toEqual({
    serverInfo: { lab: true },
    faults: ['kill kafka', 'cdc-pause'].map((name) => ({ name, state: 'OFF', healsAt: null, error: null })),
  });
  const broken = await ask('mutation { injectFault(name: "kill kafka") { name state healsAt } }');
  expect(broken.data.injectFault).toEqual({ name: 'kill kafka', state: 'INJECTING', healsAt: expect.any(String) });
  expect(codeOf(await ask('mutation { injectFault(name: "cdc-pause") { name } }'))).toBe('FAULT_BUSY');
  expect(codeOf(await ask('mutation { injectFault(name: "kill/kafka") { name } }'))).toBe('FAULT_UNKNOWN');
  await ask('mutation { healFault(name: "kill kafka") { name } }');
  while ((await ask('{ faults { state } }')).data.faults.some(({ state }) => state !== 'OFF'));
  expect(done).toEqual(['kill kafka on', 'kill kafka off']);
});

test('in lab mode the runs of the lab are listed and their reports handed out; else there is neither', async () => {
  const run = {
    ...{
      id: 'run-1',
      what: 'Lab, cdc',
      date: '2026-01-05T09:00:00.000Z',
      verdict: 'true' as const,
      seed: 1,
      commit: 'abc',
    },
    ...{ minutes: 2.5, faults: 3, claims: 40, falseClaims: 0, limitsMissed: 0 },
  };
  const runs = { list: () => [run], page: (id: string) => (id === 'run-1' ? '<p>page</p>' : null) };
  control = await startFaultControl({ faults: () => [], healAfterMs: 60_000, runs });
  harness = await startServer({ faults: createFaultDesk(control.url) });
  const all = 'id what date verdict seed commit minutes faults claims falseClaims limitsMissed';
  expect(await ask(`{ labRuns { ${all} } }`)).toMatchObject({ data: { labRuns: [run] } });
  const page = await fetch(`${harness.url}/lab/runs/run-1`);
  expect([page.status, await page.text()]).toEqual([200, '<p>page</p>']);
  expect(page.headers.get('content-security-policy')).toContain('sandbox allow-scripts;');
  expect((await fetch(`${harness.url}/lab/runs/run-2`)).status).toBe(404);
  await harness.close();
  harness = await startServer();
  expect(codeOf(await ask('{ labRuns { id } }'))).toBe('GRAPHQL_VALIDATION_FAILED');
  expect((await fetch(`${harness.url}/lab/runs/run-1`)).status).toBe(404);
});

test('a lab that is gone, or is none, is said to be unavailable', async () => {
  wrong = createServer((_, response) => response.writeHead(500).end('no JSON'));
  await new Promise<void>((resolve) => wrong?.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(wrong.address() as AddressInfo).port}/secret`;
  harness = await startServer({ faults: createFaultDesk(url) });
  expect(codeOf(await ask('{ faults { name } }'))).toBe('LAB_UNAVAILABLE');
  wrong.close();
  wrong.closeAllConnections();
  const { body, text } = await harness.query('{ faults { name } }');
  expect(codeOf(body as Body)).toBe('LAB_UNAVAILABLE');
  expect(text).not.toContain('secret');
});
