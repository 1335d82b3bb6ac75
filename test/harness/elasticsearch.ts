import { installElasticsearch } from '../../stack/install/elasticsearch.js';
import { requireJava } from '../../stack/install/tools.js';
import { Component } from '../../stack/process/component.js';
import { silent } from '../../stack/progress.js';
import { elasticsearchSpec, elasticsearchUrl } from '../../stack/servers/elasticsearch.js';
import { postgresUser } from '../../stack/servers/postgres-user.js';
import { killAtExit } from './kill-at-exit.js';
import { makeSandbox } from './sandbox.js';

export interface TestElasticsearch {
  readonly url: string;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
  /** It stays down until restart(). */
  kill9(): Promise<void>;
  restart(): Promise<void>;
  sigstop(): void;
  sigcont(): void;
}

/** A throwaway Elasticsearch of one node, as the stack starts it; some 12 seconds. Fit for `*.stack.test.ts`. */
export async function startElasticsearch(): Promise<TestElasticsearch> {
  const sandbox = await makeSandbox('elasticsearch');
  const java = await requireJava(sandbox.env);
  const step = silent.step('elasticsearch');
  const home = await installElasticsearch(sandbox.paths.cache, step, new AbortController().signal);
  const component = new Component(
    elasticsearchSpec(sandbox.context, { java, home, user: postgresUser(sandbox.env) }),
    (sentence) => process.stderr.write(`${sentence}\n`),
  );
  killAtExit(component);
  await component.start();
  return {
    url: elasticsearchUrl(sandbox.ports.elasticsearch),
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
