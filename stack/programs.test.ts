import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { builtPrograms } from './programs.mjs';
import { REPOSITORY } from './paths.js';

describe('our programs, compiled ahead', () => {
  const folder = builtPrograms();
  const built = (): string[] => readdirSync(folder).filter((name) => name.endsWith('.js'));

  test('are built once for one state of the sources', () => {
    expect(builtPrograms()).toBe(folder);
  });

  // A bundler that meets a name twice gives one of them another, and type-graphql takes names of types from classes.
  test('keep the names of decorated classes', () => {
    const decorated = built().flatMap((name) =>
      [...readFileSync(join(folder, name), 'utf8').matchAll(/^(\w+) = __decorateClass\(/gm)].map(
        ([, found]) => found ?? '',
      ),
    );
    const declared = new Set(sourcesOf('src').flatMap((path) => classesIn(path)));
    expect(decorated.length).toBeGreaterThan(40);
    expect(decorated.filter((name) => !declared.has(name))).toEqual([]);
  });

  test('say what they lack, as from their sources', async () => {
    const run = await execa(process.execPath, [join(folder, 'server.js')], {
      reject: false,
      env: {},
      extendEnv: false,
    });
    expect([run.exitCode, run.stderr]).toEqual([78, expect.stringMatching(/^POSTGRES_URL is not set: /)]);
  }, 60_000);
});

const sourcesOf = (room: string): string[] =>
  readdirSync(join(REPOSITORY, room), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(REPOSITORY, room, path));

const classesIn = (path: string): string[] =>
  [...readFileSync(path, 'utf8').matchAll(/\bclass (\w+)/g)].map(([, name]) => name ?? '');
