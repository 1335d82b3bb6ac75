/** Faults that need what the lab puts between: a limit on files, a clock that can be moved, links, a connector's settings. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Component } from '../../stack/process/component.js';
import { eventually } from '../../test/harness/eventually.js';
import { clockEnvironment, clockOffset, OFFSET_MS } from './clock-offset.js';
import { VICTIMS, type LabTarget, type Target } from './fault.js';
import { fileLimit } from './file-limit.js';
import { labCatalogue, linkFaults } from './index.js';
import { openLink } from './link.js';
import { taskFailure } from './task-failure.js';

/** Says the time and writes to a file, again and again; what it can't write it says as well. */
const VICTIM = `const { appendFileSync, writeFileSync } = require('node:fs');
process.on('SIGXFSZ', () => undefined);
setInterval(() => {
  writeFileSync(process.argv[1] + '/time', String(Date.now()) + ' ' + new Date().getTime() + ' ' + (new Date() instanceof Date));
  try { appendFileSync(process.argv[1] + '/store', 'x'.repeat(1024)); writeFileSync(process.argv[1] + '/said', 'ok'); }
  catch (error) { writeFileSync(process.argv[1] + '/said', error.code); }
}, 20);`;

const work = mkdtempSync(join(tmpdir(), 'tidemark-lab-faults-'));
const clock = join(work, 'clock');
const read = (name: string): string => {
  try {
    return readFileSync(join(work, name), 'utf8');
  } catch {
    return '';
  }
};
const component = new Component(
  {
    name: 'mongodb',
    command: process.execPath,
    args: ['-e', VICTIM, work],
    env: { ...process.env, ...clockEnvironment(clock) },
    cwd: work,
    log: join(work, 'victim.log'),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 10_000,
    readyTimeoutMs: 20_000,
    isReady: async () => read('said') !== '',
  },
  () => undefined,
);
const victims = Object.fromEntries(VICTIMS.map((name) => [name, component])) as unknown as Target['processes'];

beforeAll(() => component.start(), 30_000);
afterAll(async () => {
  await component.stop();
  rmSync(work, { recursive: true, force: true });
});

test('file-limit: no file grows any more until it is healed, and then the store lives and writes', async () => {
  const one = fileLimit({ processes: victims, connectUrl: '', postgresUrl: '' }, 'mongodb');
  await eventually(() => expect(read('store').length).toBeGreaterThan(8_192));
  expect(await one.isActive()).toBe(false);
  await one.inject();
  expect(await one.isActive()).toBe(true);
  await eventually(() => expect(read('said')).toBe('EFBIG'));
  const size = read('store').length;
  await one.heal();
  expect([await one.isActive(), component.isAlive]).toEqual([false, true]);
  await eventually(() => expect(read('store').length).toBeGreaterThan(size));
  await one.heal();
}, 60_000);

test('clock-offset: the program reads another time by every way of asking, and the right one when it is healed', async () => {
  const one = clockOffset('mongodb', clock);
  const said = (): [number, number] => {
    const [now, made, isDate] = read('time').split(' ');
    expect(isDate).toBe('true');
    expect(Math.abs(Number(now) - Number(made))).toBeLessThan(60_000);
    return [Number(now), Date.now()];
  };
  expect(await one.isActive()).toBe(false);
  await one.inject();
  expect(await one.isActive()).toBe(true);
  await eventually(() => {
    const [there, here] = said();
    expect(there - here).toBeGreaterThan(OFFSET_MS / 2);
  });
  await one.heal();
  expect(await one.isActive()).toBe(false);
  await eventually(() => {
    const [there, here] = said();
    expect(there - here).toBeLessThan(OFFSET_MS / 2);
  });
}, 60_000);

test('a program that does not look at its clock is not said to have another time', async () => {
  const nobody = join(work, 'nobody');
  writeFileSync(`${nobody}.seen`, '0');
  expect(await clockOffset('server', nobody).isActive()).toBe(false);
});

test('task-failure: the task fails by the connector’s own settings, and gets back those that it had', async () => {
  const before = { 'slot.name': 'a', 'errors.max.retries': '-1' };
  let config: Record<string, string> = before;
  let connectorState = 'RUNNING';
  const connect: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const what = request.url?.split('/').at(-1);
      if (request.method === 'PUT' && what === 'config') config = JSON.parse(body) as Record<string, string>;
      if (request.method === 'PUT' && what === 'resume') connectorState = 'RUNNING';
      const tooSmall = config['producer.override.max.request.size'] === '1';
      const tasks = [{ state: tooSmall ? 'FAILED' : 'RUNNING' }];
      response.end(JSON.stringify(what === 'config' ? config : { connector: { state: connectorState }, tasks }));
    });
  });
  await new Promise<void>((resolve) => connect.listen(0, '127.0.0.1', resolve));
  try {
    const connectUrl = `http://127.0.0.1:${(connect.address() as AddressInfo).port}`;
    const one = taskFailure({ processes: victims, connectUrl, postgresUrl: '' });
    for (let round = 0; round < 2; round += 1) {
      expect(await one.isActive()).toBe(false);
      await one.inject();
      expect([await one.isActive(), connectorState]).toEqual([true, 'RUNNING']);
      await one.heal();
      expect([await one.isActive(), config]).toEqual([false, before]);
    }
  } finally {
    await new Promise((resolve) => connect.close(resolve));
  }
});

test('each fault of a link is on between inject and heal', async () => {
  const link = await openLink({ port: 1 });
  try {
    for (const one of linkFaults('postgres', link)) {
      expect([one.name, await one.isActive()]).toEqual([one.name, false]);
      await one.inject();
      expect([one.name, await one.isActive()]).toEqual([one.name, true]);
      await one.heal();
      expect([one.name, await one.isActive()]).toEqual([one.name, false]);
    }
  } finally {
    await link.close();
  }
});

test('the lab’s list has every fault of its stack once, each under a name that says what it does to whom', async () => {
  const link = await openLink({ port: 1 });
  const target: LabTarget = {
    ...{ processes: victims, connectUrl: '', postgresUrl: '', kafkaBrokers: '', graphqlUrl: '' },
    links: { postgres: link },
    clocks: { server: clock },
  };
  const names = labCatalogue(target).map(({ name }) => name);
  await link.close();
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(
    expect.arrayContaining([
      ...['slow-link postgres', 'silent-link postgres', 'cut-link postgres', 'clock-offset server', 'zombie server'],
      ...['poison source', 'dead-letters-down source', 'task-failure', 'file-limit mongodb', 'kill processor'],
    ]),
  );
});
