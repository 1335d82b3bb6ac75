/** `main.ts <port> <data folder> <folder of node_modules/chdb>`: one process, one data folder, until SIGTERM. */
import { mkdirSync } from 'node:fs';
import { startBridge } from './bridge.js';
import { loadChdb } from './chdb.js';
import { Engine } from './engine.js';

const DRAIN_MS = 10_000;

const say = (sentence: string): void => void process.stdout.write(`${new Date().toISOString()} ${sentence}\n`);

async function main(port: number, dataFolder: string, folder: string): Promise<void> {
  mkdirSync(dataFolder, { recursive: true });
  const chdb = loadChdb(folder);
  const engine = new Engine(chdb, dataFolder);
  const version = await engine.open();
  const bridge = await startBridge({
    engine,
    port,
    log: say,
    onFatal: (error) => {
      say(`the engine is gone, ending so that it is started again: ${error.message}`);
      setTimeout(() => process.exit(1), 100);
    },
  });
  say(`ClickHouse engine ${version} on 127.0.0.1:${bridge.port}`);
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    say('draining');
    void bridge.stop(DRAIN_MS).finally(() => {
      say('ended');
      process.exit(0);
    });
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
}

const [port, dataFolder, folder] = process.argv.slice(2);
if (port === undefined || dataFolder === undefined || folder === undefined) {
  process.stderr.write('usage: main.ts <port> <data folder> <folder of node_modules/chdb>\n');
  process.exit(2);
}
await main(Number(port), dataFolder, folder);
