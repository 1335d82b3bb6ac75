import { join } from 'node:path';
import { builtProgram } from '../apps.js';
import { REPOSITORY } from '../paths.js';
import type { ComponentSpec } from '../process/component.js';
import type { ServerContext } from './context.js';

export const clickhouseUrl = (port: number): string => `http://127.0.0.1:${port}`;

/** The engine in a process of its own behind ClickHouse's HTTP interface (stack/clickhouse). */
export function clickhouseSpec(context: ServerContext, engine: string): ComponentSpec {
  const port = context.ports.clickhouse;
  const folder = context.folder('clickhouse');
  return {
    name: 'clickhouse',
    command: process.execPath,
    args: [...builtProgram('clickhouse'), String(port), join(folder, 'data'), engine],
    // Each running statement holds one thread of libuv.
    env: { ...context.env, UV_THREADPOOL_SIZE: '8' },
    cwd: REPOSITORY,
    log: context.log('clickhouse'),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 15_000,
    readyTimeoutMs: 60_000,
    isReady: async () =>
      (await fetch(`${clickhouseUrl(port)}/ping`, { signal: AbortSignal.timeout(2_000) })).status === 200,
  };
}
