import { installMongodb } from '../../stack/install/mongodb.js';
import { Component } from '../../stack/process/component.js';
import { silent } from '../../stack/progress.js';
import { mongodbSpec, mongodbUrl } from '../../stack/servers/mongodb.js';
import { killAtExit } from './kill-at-exit.js';
import { makeSandbox } from './sandbox.js';

export interface TestMongo {
  readonly url: string;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
  /** It stays down until restart(). */
  kill9(): Promise<void>;
  restart(): Promise<void>;
}

/** A throwaway replica set of one; about a second. Fit for `*.pg.test.ts`: real servers that start in a second. */
export async function startMongo(): Promise<TestMongo> {
  const sandbox = await makeSandbox('mongo');
  const program = await installMongodb(sandbox.paths.cache, silent.step('mongodb'), new AbortController().signal);
  const component = new Component(mongodbSpec(sandbox.context, program), (sentence) =>
    process.stderr.write(`${sentence}\n`),
  );
  killAtExit(component);
  await component.start();
  return {
    url: mongodbUrl(sandbox.ports.mongodb),
    stop: async () => {
      await component.stop();
      sandbox.remove();
    },
    kill9: () => component.kill9(),
    restart: () => component.restart(),
  };
}
