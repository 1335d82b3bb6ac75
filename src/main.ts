/** The composition root: the only place that builds clients. Starts, and drains in the opposite order. */
import 'reflect-metadata';
import { AppError, asError } from './errors.js';
import { environmentConfig, type Config } from './config.js';
import { startServer } from './compose.js';
import { createLogger } from './logging.js';

function config(): Config {
  try {
    return environmentConfig();
  } catch (error) {
    process.stderr.write(`${asError(error).message}\n`);
    process.exit(78);
  }
}

const settings = config();
const log = createLogger(settings.LOG_LEVEL);
// Handlers first: a signal during the start must still drain what has started.
const ended = new Promise<NodeJS.Signals>((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
});

try {
  const server = await startServer(settings, log);
  log.info({ url: server.url }, 'serving');
  log.info({ signal: await ended }, 'draining');
  await server.stop();
  process.exit(0);
} catch (error) {
  const { message } = asError(error);
  log.fatal({ err: error, code: error instanceof AppError ? error.code : 'START_FAILED' }, message);
  process.exit(1);
}
