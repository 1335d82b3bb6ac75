import { installClickhouse } from '../../stack/install/clickhouse.js';
import { Component } from '../../stack/process/component.js';
import { silent } from '../../stack/progress.js';
import { clickhouseSpec, clickhouseUrl } from '../../stack/servers/clickhouse.js';
import { killAtExit } from './kill-at-exit.js';
import { makeSandbox } from './sandbox.js';

export interface TestClickhouse {
  readonly url: string;
  readonly pid: number | undefined;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
  /** It stays down until restart(). */
  kill9(): Promise<void>;
  restart(): Promise<void>;
  sigstop(): void;
  sigcont(): void;
}

/** A throwaway ClickHouse engine behind its HTTP interface, as the stack starts it; about two seconds. */
export async function startClickhouse(): Promise<TestClickhouse> {
  const sandbox = await makeSandbox('clickhouse');
  const engine = await installClickhouse(sandbox.paths.cache, silent.step('clickhouse'), new AbortController().signal);
  const component = new Component(clickhouseSpec(sandbox.context, engine), (sentence) =>
    process.stderr.write(`${sentence}\n`),
  );
  killAtExit(component);
  await component.start();
  return {
    url: clickhouseUrl(sandbox.ports.clickhouse),
    get pid() {
      return component.pid;
    },
    stop: async () => {
      await component.stop();
      sandbox.remove();
    },
    kill9: () => component.kill9(),
    restart: () => component.restart(),
    sigstop: () => component.sigstop(),
    sigcont: () => component.sigcont(),
  };
}
