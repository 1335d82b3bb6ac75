import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folder, environmentPaths, stackIdOf, type Paths } from '../../stack/paths.js';
import { PORT_NAMES, type PortName, type Ports } from '../../stack/ports.js';
import { STACK_ID_VARIABLE } from '../../stack/process/identify.js';
import { logPath } from '../../stack/process/logs.js';
import type { ServerContext } from '../../stack/servers/context.js';

/** A data folder and ports of a test's own; the installed servers are shared. */
export interface Sandbox {
  readonly paths: Paths;
  readonly ports: Ports;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly context: ServerContext;
  remove(): void;
}

export async function makeSandbox(label: string): Promise<Sandbox> {
  const data = mkdtempSync(join(tmpdir(), `tidemark-${label}-`));
  // As root, Postgres runs as somebody else, who must be able to enter.
  chmodSync(data, 0o755);
  const paths: Paths = { cache: environmentPaths().cache, data, logs: join(data, 'logs'), run: join(data, 'run') };
  mkdirSync(paths.logs);
  const ports = await freePorts();
  const env = childEnvironment(process.env);
  const stackId = stackIdOf(data);
  return {
    paths,
    ports,
    env,
    context: {
      ports,
      env: { ...env, [STACK_ID_VARIABLE]: stackId },
      stackId,
      folder: (name) => {
        mkdirSync(folder(paths, name), { recursive: true });
        return folder(paths, name);
      },
      log: (name) => logPath(paths.logs, name),
    },
    remove: () => rmSync(data, { recursive: true, force: true }),
  };
}

/** Held open all at once, so that they differ. */
export async function freePorts(): Promise<Ports> {
  const servers = await Promise.all(PORT_NAMES.map(listenAnywhere));
  const ports = {} as Record<PortName, number>;
  PORT_NAMES.forEach((name, index) => {
    ports[name] = (servers[index]!.address() as AddressInfo).port;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listenAnywhere(): Promise<ReturnType<typeof createServer>> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

/** What a person's shell would give: jest's own variables and this clone's settings would change how the programs behave. */
function childEnvironment(env: NodeJS.ProcessEnv): Record<string, string | undefined> {
  const hidden =
    /^(JEST_|NODE_ENV$|NODE_OPTIONS$|TIDEMARK_(PORT|.*_PORT|PORT_BASE|DATA|HOST)$|KAFKA_BROKERS$|POSTGRES_URL$|MONGODB_URL$|ELASTICSEARCH_URL$|CLICKHOUSE_URL$|CONNECT_URL$)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !hidden.test(name)));
}
