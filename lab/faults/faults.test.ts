import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Component } from '../../stack/process/component.js';
import { eventually } from '../../test/harness/eventually.js';
import { VICTIMS, type FlinkJob, type Target, type Victim } from './fault.js';
import { catalogue, flinkFaults } from './index.js';
import { familyOf } from './freeze.js';
import { jobRestart } from './job-restart.js';

/** A real process with a child in a group of its own, as Postgres has them, behind the supervisor that the stack uses. */
const PARENT = `const { spawn } = require('node:child_process');
const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
process.on('SIGTERM', () => { child.kill(); process.exit(0); });
process.stdout.write(String(child.pid) + '\\n');
setInterval(() => undefined, 1000);`;

const work = mkdtempSync(join(tmpdir(), 'tidemark-faults-'));
const log = join(work, 'victim.log');
const component = new Component(
  {
    name: 'mongodb',
    command: process.execPath,
    args: ['-e', PARENT],
    env: {},
    cwd: work,
    log,
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 10_000,
    readyTimeoutMs: 20_000,
    isReady: async () => childPid() !== null,
  },
  () => undefined,
);
/** Of the newest life. */
function childPid(): number | null {
  const last = readFileSync(log, 'utf8').trim().split('\n').at(-1);
  return last === undefined || last === '' ? null : Number(last);
}
const stateOf = (pid: number): string => {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2, text.lastIndexOf(')') + 3);
};

let connect: Server;
let state = 'RUNNING';
let target: Target;
const children = new Set<number>();

beforeAll(async () => {
  connect = createServer((request, response) => {
    const action = request.url?.split('/').at(-1);
    if (request.method === 'PUT')
      state = { pause: 'PAUSED', stop: 'STOPPED', resume: 'RUNNING' }[action ?? ''] ?? state;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ connector: { state }, tasks: state === 'STOPPED' ? [] : [{ state }] }));
  });
  await new Promise<void>((resolve) => connect.listen(0, '127.0.0.1', resolve));
  const victim: Victim = component;
  const processes = Object.fromEntries(VICTIMS.map((name) => [name, victim])) as Target['processes'];
  const { port } = connect.address() as AddressInfo;
  target = { processes, connectUrl: `http://127.0.0.1:${port}`, postgresUrl: '' };
  await component.start();
});
afterEach(() => {
  const pid = childPid();
  if (pid !== null) children.add(pid);
});
afterAll(async () => {
  await component.stop();
  for (const pid of children) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It went with its parent.
    }
  }
  await new Promise((resolve) => connect.close(resolve));
  rmSync(work, { recursive: true, force: true });
});

const fault = (name: string) => catalogue(target).find((one) => one.name === name)!;

test.each(['kill mongodb', 'restart mongodb', 'freeze mongodb', 'cdc-pause', 'cdc-stop'])(
  '%s is on between inject and heal, can be repeated, and what was hit lives afterwards',
  async (name) => {
    const one = fault(name);
    for (let round = 0; round < 2; round += 1) {
      expect(await one.isActive()).toBe(false);
      await one.inject();
      await eventually(async () => expect(await one.isActive()).toBe(true));
      await one.heal();
      await eventually(async () => expect(await one.isActive()).toBe(false));
      expect(component.isAlive).toBe(true);
      expect(state).toBe('RUNNING');
    }
  },
  60_000,
);

test('frozen is the whole family, in whatever process groups', async () => {
  // The newest child in the log may still be one of an earlier life.
  await eventually(() => expect(familyOf(component.pid!)).toContain(childPid()));
  const pids = [component.pid!, childPid()!];
  await fault('freeze mongodb').inject();
  await eventually(() => expect(pids.map(stateOf)).toEqual(['T', 'T']));
  await fault('freeze mongodb').heal();
  await eventually(() => expect(pids.map(stateOf)).not.toContain('T'));
}, 30_000);

test('each fault has a name of its own', () => {
  const names = catalogue(target).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(
    expect.arrayContaining(['kill server', 'kill processor', 'restart kafka', 'freeze postgres', 'slot-backend']),
  );
});

describe('faults of Flink', () => {
  /** A job that takes a moment to run again after whatever was done to it. */
  class Job implements FlinkJob {
    readonly did: string[] = [];
    asked = 0;
    get ran(): boolean {
      return this.asked % 3 === 0;
    }
    async isRunning(): Promise<boolean> {
      this.asked += 1;
      return this.ran;
    }
    async checkpointsLater(more: number): Promise<void> {
      this.did.push(`${more} checkpoints`);
    }
    async checkpointWritten(): Promise<void> {
      expect(component.isAlive).toBe(true);
      this.did.push('a checkpoint is written');
    }
    async savepoint(): Promise<string> {
      this.did.push('savepoint');
      return '/older';
    }
    async stopWithSavepoint(): Promise<string> {
      this.did.push('stopped');
      return '/where-it-was';
    }
    async restartFrom(path: string): Promise<void> {
      this.did.push(`from ${path}`);
    }
  }
  const job = new Job();
  const flink = (name: string) =>
    flinkFaults({ processes: { jobmanager: component, taskmanager: component }, flink: job }).find(
      (one) => one.name === name,
    )!;

  const NAMES = [
    'kill taskmanager',
    'kill-at-commit taskmanager',
    'kill jobmanager',
    'freeze taskmanager',
    'older-checkpoint jobmanager',
  ];
  test.each(NAMES)(
    '%s is on between inject and heal, can be repeated, and is healed only when the job runs',
    async (name) => {
      const one = flink(name);
      for (let round = 0; round < 2; round += 1) {
        expect(await one.isActive()).toBe(false);
        await one.inject();
        await eventually(async () => expect(await one.isActive()).toBe(true));
        const before = job.asked;
        await one.heal();
        expect(job.asked).toBeGreaterThan(before);
        expect(job.ran).toBe(true);
        await eventually(async () => expect(await one.isActive()).toBe(false));
        expect(component.isAlive).toBe(true);
      }
    },
    60_000,
  );

  test('the job goes back to what it was before more was committed', async () => {
    job.did.length = 0;
    await flink('older-checkpoint jobmanager').inject();
    expect(job.did).toEqual(['savepoint', '3 checkpoints', 'from /older']);
  });

  test('a restarted job goes on from where it was stopped, once, and is waited for', async () => {
    job.did.length = 0;
    const one = jobRestart({ flink: job });
    await one.inject();
    expect(await one.isActive()).toBe(true);
    await one.heal();
    expect([job.did, job.ran, await one.isActive()]).toEqual([['stopped', 'from /where-it-was'], true, false]);
    await one.heal();
    expect(job.did).toHaveLength(2);
  });

  test('between pre-commit and commit: once a checkpoint is whole, and not before, the TaskManager is killed', async () => {
    job.did.length = 0;
    const one = flink('kill-at-commit taskmanager');
    await one.inject();
    expect([job.did, component.isAlive]).toEqual([['a checkpoint is written'], false]);
    await one.heal();
  }, 30_000);

  test('they are in the list only of a stack with Flink, under names of their own', () => {
    const processes = { ...target.processes, jobmanager: component, taskmanager: component };
    const names = (of: Target): string[] => catalogue(of).map(({ name }) => name);
    const without = names(target);
    const all = names({ ...target, processes, flink: job });
    expect(new Set(all).size).toBe(all.length);
    expect(all.filter((name) => !without.includes(name))).toEqual(NAMES);
  });
});
