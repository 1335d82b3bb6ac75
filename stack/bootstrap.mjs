/**
 * The first thing that runs in a fresh clone: plain JavaScript without dependencies. It fetches the npm packages when
 * they are missing or no longer fit the lock file, and hands over to TypeScript in this same process, so that Ctrl-C
 * reaches one process only.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const [command, ...args] = process.argv.slice(2);

requireNode();
process.chdir(REPOSITORY);
if (!['test', 'lint', 'outside'].includes(command)) loadEnvironmentFile();
if (command !== 'stop' && command !== 'reset') installPackages();
else if (!existsSync(`${REPOSITORY}node_modules/tsx`)) installPackages();

const { register } = await import('tsx/esm/api');
register();
if (command === 'serve') {
  await import('../src/main.ts');
} else {
  const { main } = await import('./main.ts');
  process.exitCode = await main([command, ...args]);
  // Idle sockets of a driver must not keep a finished command alive.
  process.exit();
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 11)) return;
  fail(
    `Tidemark needs Node 20.11 or newer and this is ${process.versions.node}: install a newer one from https://nodejs.org.`,
  );
}

/** `npm ci` when there is no node_modules, or when it no longer fits the lock file. */
function installPackages() {
  if (packagesFit()) return;
  process.stdout.write('Fetching the npm packages (npm ci) …\n');
  const progress = process.stdout.isTTY ? [] : ['--no-progress'];
  const result = spawnSync('npm', ['ci', '--loglevel=error', ...progress], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (result.status !== 0) {
    fail(
      'STACK_INSTALL_FAILED: npm could not fetch the packages of package-lock.json: check the network, then run the same command again.',
    );
  }
}

/** npm leaves a list of what it installed as its last act: a half-finished installation has none. */
function packagesFit() {
  const wanted = packagesIn('package-lock.json');
  const present = packagesIn('node_modules/.package-lock.json');
  if (wanted === undefined || present === undefined) return false;
  return Object.entries(wanted).every(
    ([path, entry]) =>
      path === '' || entry.optional === true || entry.peer === true || present[path]?.version === entry.version,
  );
}

function packagesIn(file) {
  try {
    return JSON.parse(readFileSync(`${REPOSITORY}${file}`, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/** Settings of this clone, if there are any; what the shell says wins. */
function loadEnvironmentFile() {
  const path = `${REPOSITORY}.env`;
  if (!existsSync(path)) return;
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const match = /^\s*([A-Z][A-Z0-9_]*)\s*=\s*(.*?)\s*$/.exec(line);
    if (match) process.env[match[1]] ??= match[2].replace(/^(["'])(.*)\1$/, '$2');
  }
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}
