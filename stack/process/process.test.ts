import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../test/harness/eventually.js';
import { Component, SUPERVISION, type ComponentSpec } from './component.js';
import { processesOf, startTimeOf, STACK_ID_VARIABLE } from './identify.js';
import { holderOf, tryLock, unlock } from './lock.js';
import { openLog, rotateAll } from './logs.js';
import { endOrphans } from './orphans.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-process-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(script: string, more: Partial<ComponentSpec> = {}): ComponentSpec {
  return {
    name: 'processor',
    command: process.execPath,
    args: ['-e', script],
    env: { PATH: process.env.PATH, [STACK_ID_VARIABLE]: folder },
    cwd: folder,
    log: join(folder, 'processor.log'),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 5_000,
    readyTimeoutMs: 10_000,
    isReady: () => Promise.resolve(existsSync(join(folder, 'ready'))),
    ...more,
  };
}
const RUNS = 'require("fs").writeFileSync("ready", String(process.pid)); setInterval(() => {}, 1000)';

describe('a supervised program', () => {
  test('that is killed comes back by itself and the crash is reported', async () => {
    const said: string[] = [];
    const component = new Component(program(RUNS), (sentence) => said.push(sentence));
    await component.start();
    const first = component.pid;
    await component.crash();
    await eventually(() => expect(component.pid).toEqual(expect.any(Number)));
    expect(component.pid).not.toBe(first);
    expect(said[0]).toMatch(/^processor ended \(SIGKILL\); it is started again/);
    await component.stop();
    expect(processesOf(folder)).toEqual([]);
  });

  test('that ends at once again and again is given up with one sentence that names its log', async () => {
    const component = new Component(program('console.log("no config"); process.exit(3)'), () => undefined);
    await expect(component.start()).rejects.toThrow(
      `processor ended ${SUPERVISION.maxQuickFailures} times in a row (code 3) and was given up: see ${join(folder, 'processor.log')}.`,
    );
    expect(readFileSync(join(folder, 'processor.log'), 'utf8')).toContain('no config');
  });

  test('whose program does not exist is given up too', async () => {
    const component = new Component(program('', { command: '/does/not/exist' }), () => undefined);
    await expect(component.start()).rejects.toMatchObject({ code: 'STACK_COMPONENT_FAILED' });
  });

  test('that ignores its signal is killed when its time is over', async () => {
    const said: string[] = [];
    const component = new Component(
      program(`process.on("SIGTERM", () => {}); ${RUNS}`, { stopTimeoutMs: 200 }),
      (sentence) => said.push(sentence),
    );
    await component.start();
    await component.stop();
    expect(said).toEqual(['processor did not end within 0.2 s and was killed.']);
    expect(processesOf(folder)).toEqual([]);
  });

  test('that was killed on purpose stays down until it is started again', async () => {
    const component = new Component(program(RUNS), () => undefined);
    await component.start();
    await component.kill9();
    expect(component.isAlive).toBe(false);
    await component.start();
    expect(component.isAlive).toBe(true);
    await component.stop();
  });

  test('that never answers is an error after its limit, not a wait for ever', async () => {
    const component = new Component(program('setInterval(() => {}, 1000)', { readyTimeoutMs: 300 }), () => undefined);
    await expect(component.start()).rejects.toThrow('processor was not ready after 0.3 s');
    await component.stop();
  });
});

describe('what is left behind', () => {
  test('only processes with the marker of this stack are ended', async () => {
    const ours = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
      env: { [STACK_ID_VARIABLE]: folder },
      stdio: 'ignore',
    });
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
      env: { [STACK_ID_VARIABLE]: `${folder}x` },
      stdio: 'ignore',
    });
    const otherEnded = new Promise((resolve) => other.once('exit', resolve));
    await eventually(() => expect(processesOf(folder)).toHaveLength(1));
    await endOrphans(folder);
    expect(processesOf(folder)).toEqual([]);
    expect(startTimeOf(ours.pid!)).toBeUndefined();
    expect(startTimeOf(other.pid!)).toBeDefined();
    other.kill('SIGKILL');
    await otherEnded;
  });
});

describe('the lock', () => {
  test('names its holder while the holder lives', () => {
    const path = join(folder, 'lock');
    expect(tryLock(path)).toBeUndefined();
    expect(tryLock(path)?.pid).toBe(process.pid);
    unlock(path);
    expect(holderOf(path)).toBeUndefined();
  });

  test.each([
    '',
    '{"pid":',
    JSON.stringify({ pid: process.pid, started: '1' }),
    JSON.stringify({ pid: 4_000_000, started: '5' }),
  ])('left behind as %j is taken over', (text) => {
    const path = join(folder, 'lock');
    writeFileSync(path, text);
    expect(tryLock(path)).toBeUndefined();
    expect(holderOf(path)?.pid).toBe(process.pid);
  });
});

describe('logs', () => {
  test('a log beyond its limit moves aside while its writer goes on, and only so many are kept', () => {
    const path = join(folder, 'server.log');
    const log = openLog(path);
    const limits = { maxBytes: 100, oldFiles: 2 };
    for (const letter of ['a', 'b', 'c']) {
      writeFileSync(log.fd, letter.repeat(200));
      rotateAll(folder, limits);
    }
    writeFileSync(log.fd, 'still here');
    log.close();
    expect(readFileSync(path, 'utf8')).toBe('still here');
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('c'.repeat(200));
    expect(readFileSync(`${path}.2`, 'utf8')).toBe('b'.repeat(200));
    expect(existsSync(`${path}.3`)).toBe(false);
    appendFileSync(path, '.');
    rotateAll(folder, limits);
    expect(statSync(path).size).toBe(11);
  });
});
