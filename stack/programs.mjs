/**
 * Our own programs as plain JavaScript, one bundle with an entry per program: node starts the server from it in about half
 * the time that it takes when each file is compiled as it is loaded (`npx tsx bench/starts.ts`). Plain JavaScript itself, because the
 * command line builds it before any TypeScript can be loaded; as a program it builds, in a process of its own, what it is told.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const BUILT = join(REPOSITORY, 'node_modules', '.cache', 'tidemark-programs');
/** A program loads parts of it late, however long it runs: what nobody has started for so long is removed. */
const UNUSED_MS = 14 * 24 * 3_600_000;

/** What is started as a process of its own: name → source. Who is not in this clone (an image has no tests) is left out. */
const SOURCES = {
  server: 'src/main.ts',
  processor: 'processing/kafka-only/main.ts',
  generator: 'generator/main.ts',
  clickhouse: 'stack/clickhouse/main.ts',
  tidemark: 'src/cli/main.ts',
  recorder: 'lab/run.ts',
  judge: 'lab/soak/judge.ts',
  simulations: 'lab/simulation/run.ts',
  ingest: 'test/harness/ingest-program.ts',
};
/** Where their imports lead. */
const ROOMS = ['src', 'processing/kafka-only', 'generator', 'fold', 'wire', 'stack', 'lab', 'client', 'test/harness'];
const SETTINGS = ['package.json', 'package-lock.json', 'tsconfig.json'];

/**
 * The folder with `NAME.js` of every program, as its sources are now: built if no earlier call has built just this.
 * @returns {string}
 * @throws {Error} what the compiler says, or that the folder cannot be written
 */
export function builtPrograms() {
  const folder = join(BUILT, stateOfSources());
  if (existsSync(folder)) {
    markUsed(folder);
  } else {
    // In a process of its own: esbuild does not run inside jest's realm.
    const { status, stderr, error } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), folder], {
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (status !== 0) throw new Error(`our programs could not be compiled: ${error?.message ?? stderr}`);
  }
  return folder;
}

/** Names, sizes and times of change: to read a thousand files would take longer than to compile them. */
function stateOfSources() {
  const hash = createHash('sha256').update(process.version);
  for (const path of [...SETTINGS, 'stack/programs.mjs', ...ROOMS.flatMap(sourcesIn)].sort()) {
    const { size, mtimeMs } = statSync(join(REPOSITORY, path));
    hash.update(`${path} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}

function sourcesIn(room) {
  if (!existsSync(join(REPOSITORY, room))) return [];
  return readdirSync(join(REPOSITORY, room), { withFileTypes: true }).flatMap((entry) => {
    const path = `${room}/${entry.name}`;
    if (entry.isDirectory()) return ['node_modules', 'dist', 'runs'].includes(entry.name) ? [] : sourcesIn(path);
    return /(?<!\.test)\.(ts|mjs|json)$/.test(entry.name) ? [path] : [];
  });
}

/** Written beside and renamed: two who build at once do not see half of it. */
async function build(folder) {
  const { build } = await import('esbuild');
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(BUILT, { recursive: true });
  await build({
    absWorkingDir: REPOSITORY,
    entryPoints: Object.fromEntries(Object.entries(SOURCES).filter(([, path]) => existsSync(join(REPOSITORY, path)))),
    outdir: unfinished,
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20.11',
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'error',
    plugins: [{ name: 'where a file was', setup: keepPlaces }],
  });
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  removeUnused();
}

/** What a source reads beside itself (schemas, migrations, package.json) is found where it lies, not beside the bundle. */
function keepPlaces({ onLoad }) {
  onLoad({ filter: /\.(ts|mjs)$/ }, ({ path }) => ({
    loader: path.endsWith('.ts') ? 'ts' : 'js',
    contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)),
  }));
}

/** Somebody else's folder can be used, and not be marked. */
function markUsed(folder) {
  try {
    utimesSync(folder, new Date(), new Date());
  } catch (error) {
    if (!['EPERM', 'EACCES', 'EROFS'].includes(error.code)) throw error;
  }
}

function removeUnused() {
  for (const name of readdirSync(BUILT)) {
    const path = join(BUILT, name);
    if (Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) > UNUSED_MS)
      rmSync(path, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build(process.argv[2]);
