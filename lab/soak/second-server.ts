/** A second server on the same stack: both share the work, and both answer reads. */
import { createServer, type AddressInfo } from 'node:net';
import { Component } from '../../stack/process/component.js';
import { killAtExit } from '../../test/harness/kill-at-exit.js';
import type { TestStack } from '../../test/harness/stack.js';

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

export interface SecondServer {
  readonly component: Component;
  readonly graphqlUrl: string;
}

/**
 * Of the same settings as the stack's own, on a port of its own. Whoever starts it stops it, before the stack.
 * @param changed settings that differ
 */
export async function startSecondServer(
  stack: TestStack,
  changed: Readonly<Record<string, string>> = {},
): Promise<SecondServer> {
  const { spec } = stack.processes.server;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const component = new Component(
    {
      ...spec,
      env: { ...spec.env, TIDEMARK_PORT: String(port), ...changed },
      log: spec.log.replace(/\.log$/, '-2.log'),
      isReady: async () => (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) })).status === 200,
    },
    () => undefined,
  );
  killAtExit(component);
  await component.start();
  return { component, graphqlUrl: `${url}/graphql` };
}
