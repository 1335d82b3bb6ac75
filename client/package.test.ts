/** The package as its users get it: built, bundled for a browser, shaken. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createContext, runInContext } from 'node:vm';

const root = fileURLToPath(new URL('..', import.meta.url));
const here = join(root, 'client');
const run = promisify(execFile);
const work = mkdtempSync(join(tmpdir(), 'tidemark-client-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

interface Bundle {
  readonly text: string;
  /** Files of the client of which something is left. */
  readonly files: string[];
}

/** esbuild as a program: its API does not run within jest. */
async function bundle(name: string, entry: string, format: 'iife' | 'esm'): Promise<Bundle> {
  const [from, to, meta] = ['entry.ts', 'js', 'json'].map((ending) => join(work, `${name}.${ending}`)) as [
    string,
    string,
    string,
  ];
  writeFileSync(from, entry.replaceAll('@tidemark/client', join(here, 'index.js')));
  const options = ['--bundle', '--platform=browser', '--target=es2022', `--format=${format}`, '--global-name=app'];
  await run(join(root, 'node_modules/esbuild/bin/esbuild'), [
    from,
    ...options,
    `--outfile=${to}`,
    `--metafile=${meta}`,
  ]);
  const { outputs } = JSON.parse(readFileSync(meta, 'utf8')) as {
    outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }>;
  };
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  return {
    text: readFileSync(to, 'utf8'),
    files: inputs
      .filter(([file, { bytesInOutput }]) => bytesInOutput > 0 && !file.endsWith('.entry.ts'))
      .map(([file]) => file.slice(file.lastIndexOf('client/') + 'client/'.length))
      .sort(),
  };
}

test('it builds, and every entry of its exports is there with its types', async () => {
  const out = join(work, 'dist');
  await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', here, '--outDir', out]);
  const { exports } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8')) as {
    exports: Record<string, Record<string, string>>;
  };
  const files = Object.values(exports).flatMap((entry) => Object.values(entry));
  expect(files.length).toBeGreaterThan(1);
  expect(files.filter((file) => !existsSync(join(out, file.replace('./dist/', ''))))).toEqual([]);
  const { createClient } = (await import(join(out, 'index.js'))) as { createClient?: unknown };
  expect(typeof createClient).toBe('function');
}, 60_000);

test('it reads by a policy where there is nothing but what browsers have', async () => {
  const { text } = await bundle('app', `export * from '@tidemark/client'`, 'iife');
  const contracts = [
    { confidenceLevel: 'HIGH', consistencyScope: 'STRONG', stale: false, reasons: [], stalenessMs: 3, paths: ['x'] },
  ];
  const body = {
    data: { x: { n: 7 } },
    extensions: { consistency: { contracts, weakest: 'HIGH', token: null, truncated: false } },
  };
  const browser = createContext({
    fetch: async () => new Response(JSON.stringify(body)),
    ...{ performance, setTimeout, clearTimeout, AbortController, atob, btoa },
  });
  runInContext(text.replace('var app', 'globalThis.app'), browser);
  const script = `app.createClient({ url: '/graphql' }).query('{ x { n } }').then(({ decision, shown }) => JSON.stringify([decision.action, shown]))`;
  expect(JSON.parse((await runInContext(script, browser)) as string)).toEqual(['USE', { x: { n: 7 } }]);
  expect(text).not.toMatch(/\bprocess\.|\bBuffer\b|\brequire\(|node:/);
}, 60_000);

test('who only decides does not ship the session', async () => {
  const { files } = await bundle('decide', `export { decide, DASHBOARD } from '@tidemark/client'`, 'esm');
  expect(files).toEqual(['advice.ts', 'decide.ts', 'policy.ts', 'words.ts']);
}, 60_000);
