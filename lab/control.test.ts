import { startFaultControl, type FaultControl, type FaultStatus } from './control.js';
import type { Fault } from './faults/index.js';

/** A fault that notes what is done to it, and does it only when it is let. */
class Noted implements Fault {
  readonly done: string[] = [];
  private on = false;
  private waiting: (() => void)[] = [];
  held = false;

  constructor(
    readonly name: string,
    private readonly trouble: string | null = null,
  ) {}

  async inject(): Promise<void> {
    if (this.held) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.done.push('inject');
    this.on = true;
    if (this.trouble !== null) throw new Error(this.trouble);
  }

  heal(): Promise<void> {
    this.done.push('heal');
    this.on = false;
    return Promise.resolve();
  }

  isActive = (): Promise<boolean> => Promise.resolve(this.on);

  let(): void {
    for (const go of this.waiting.splice(0)) go();
  }
}

const controls: FaultControl[] = [];
afterEach(async () => {
  for (const control of controls.splice(0)) await control.stop();
});

async function controlOf(faults: readonly Fault[], healAfterMs = 60_000): Promise<FaultControl> {
  const control = await startFaultControl({ faults: () => faults, healAfterMs });
  controls.push(control);
  return control;
}

async function call(url: string, method = 'GET'): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(url, { method });
  return { status: answer.status, body: await answer.json() };
}

const statesOf = async (control: FaultControl): Promise<Record<string, string>> => {
  const { body } = await call(control.url);
  return Object.fromEntries((body as FaultStatus[]).map(({ name, state }) => [name, state]));
};

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
}

test('a fault is broken and mended by its name, and says how it stands meanwhile', async () => {
  const fault = new Noted('kill kafka');
  fault.held = true;
  const control = await controlOf([fault]);
  expect(await statesOf(control)).toEqual({ 'kill kafka': 'OFF' });
  const url = `${control.url}/${encodeURIComponent('kill kafka')}`;
  expect(await call(url, 'PUT')).toEqual({
    status: 202,
    body: { name: 'kill kafka', state: 'INJECTING', healsAt: expect.any(String), error: null },
  });
  fault.let();
  await until(async () => (await statesOf(control))['kill kafka'] === 'ON');
  expect((await call(url, 'DELETE')).status).toBe(202);
  await until(async () => (await statesOf(control))['kill kafka'] === 'OFF');
  expect(fault.done).toEqual(['inject', 'heal']);
});

test('one at a time; and what is asked for twice is done once', async () => {
  const [first, second] = [new Noted('first'), new Noted('second')];
  const control = await controlOf([first, second]);
  await call(`${control.url}/first`, 'PUT');
  await call(`${control.url}/first`, 'PUT');
  expect(await call(`${control.url}/second`, 'PUT')).toEqual({
    status: 409,
    body: { error: 'first is on: mend it first' },
  });
  expect([first.done, second.done]).toEqual([['inject'], []]);
});

test('nobody has to mend it: it is off again after its time', async () => {
  const fault = new Noted('short');
  const control = await controlOf([fault], 1);
  await call(`${control.url}/short`, 'PUT');
  await until(async () => (await statesOf(control))['short'] === 'OFF');
  expect(fault.done).toEqual(['inject', 'heal']);
});

test('one that could not be injected says why, and is mended all the same', async () => {
  const fault = new Noted('half', 'Connect does not answer');
  const control = await controlOf([fault]);
  await call(`${control.url}/half`, 'PUT');
  await until(async () => (await statesOf(control))['half'] === 'ON');
  const { body } = await call(`${control.url}/half`, 'DELETE');
  expect(body).toMatchObject({ error: 'Connect does not answer' });
  await until(async () => (await statesOf(control))['half'] === 'OFF');
  expect(fault.done).toEqual(['inject', 'heal']);
});

test('what is on when the stack stops is mended first', async () => {
  const fault = new Noted('left on');
  const control = await startFaultControl({ faults: () => [fault], healAfterMs: 60_000 });
  await call(`${control.url}/${encodeURIComponent('left on')}`, 'PUT');
  await control.stop();
  expect(fault.done).toEqual(['inject', 'heal']);
});

test('without the secret there is nothing; nor is there another fault, or another method', async () => {
  const control = await controlOf([new Noted('first')]);
  const { origin } = new URL(control.url);
  expect((await call(`${origin}/`)).status).toBe(404);
  expect((await call(`${origin}/guessed/first`, 'PUT')).status).toBe(404);
  expect((await call(`${control.url}/other`, 'PUT')).status).toBe(404);
  expect((await call(`${control.url}/first`, 'POST')).status).toBe(405);
});

test('it lists the runs of the lab and hands out the page of one, to whoever knows the secret', async () => {
  const runs = { list: () => [{ id: 'a' }] as never, page: (id: string) => (id === 'a b' ? '<p>page</p>' : null) };
  const control = await startFaultControl({ faults: () => [], healAfterMs: 60_000, runs });
  controls.push(control);
  expect(await call(`${control.url}/runs`)).toEqual({ status: 200, body: [{ id: 'a' }] });
  expect(await call(`${control.url}/runs/a%20b`)).toEqual({ status: 200, body: { page: '<p>page</p>' } });
  expect((await call(`${control.url}/runs/other`)).status).toBe(404);
  expect((await call(`${new URL(control.url).origin}/guessed/runs`)).status).toBe(404);
  const none = await controlOf([]);
  expect(await call(`${none.url}/runs`)).toEqual({ status: 200, body: [] });
});
