import { statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { StackError } from './errors.js';
import { PORT_NAMES, portInUse, PORTS, type PortName, type Ports } from './ports.js';

export const MIN_FREE_BYTES = 2 * 1024 ** 3;

/** The servers come as Linux x86-64 binaries. */
export function requirePlatform(platform: string = process.platform, arch: string = process.arch): void {
  if (platform === 'linux' && arch === 'x64') return;
  throw new StackError(
    'STACK_PLATFORM',
    `"npm start" runs its servers on Linux x86-64 only, and this is ${platform} ${arch}: use docker-compose.yml, or "npm run serve" with the addresses of your own servers.`,
  );
}

/** Refuses a folder on a nearly full disk. */
export function requireSpace(folder: string, variable: string, freeBytes: number = freeBytesAt(folder)): void {
  if (freeBytes >= MIN_FREE_BYTES) return;
  throw new StackError(
    'STACK_DISK_FULL',
    `only ${(freeBytes / 1024 ** 3).toFixed(1)} GB are free at ${folder} and 2 GB are needed: free some, or set ${variable} to a folder on another disk.`,
  );
}

function freeBytesAt(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** Refuses the first port that somebody else listens on. */
export async function requirePorts(ports: Ports, names: readonly PortName[] = PORT_NAMES): Promise<void> {
  for (const name of names) {
    const problem = await bindProblem(ports[name]);
    if (problem === 'EADDRINUSE') throw portInUse(name, ports[name]);
    if (problem !== undefined) {
      throw new StackError(
        'STACK_SETTING_INVALID',
        `port ${ports[name]} cannot be used (${problem}): set ${PORTS[name].variable} to a port from 1024 to 65535.`,
      );
    }
  }
}

function bindProblem(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(undefined)));
  });
}
