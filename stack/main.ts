import { parseArgs } from 'node:util';
import { APP_NAMES } from './apps.js';
import { sentenceOf, StackError } from './errors.js';
import { start, type StartOptions } from './launcher.js';
import { progressOn } from './progress.js';
import { reset, stop } from './stop.js';

/** Runs one command of the launcher and returns its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const [command, ...rest] = argv;
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  // A closed terminal must not end a drain half-way.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  try {
    switch (command) {
      case 'start':
        return await start(startOptions(rest));
      case 'stop':
        await stop(say);
        return 0;
      case 'reset':
        await reset(say);
        return 0;
      case 'console':
        await (await import('./install/console.js')).buildConsole(progressOn(process.stdout).step('console'));
        return 0;
      case 'test':
      case 'lint':
        return await (await import('./test-run.js')).runTests(command === 'lint' ? ['lint', ...rest] : rest);
      case 'soak':
        return await (await import('../lab/soak/main.js')).soak(rest);
      case 'outside':
        return await (await import('../test/outside/main.js')).outside(rest);
      default:
        throw new StackError(
          'STACK_SETTING_INVALID',
          `"${command ?? ''}" is no command: use start, stop, reset, serve, console, test, lint, outside or soak.`,
        );
    }
  } catch (error) {
    process.stderr.write(`${sentenceOf(error)}\n`);
    if (!(error instanceof StackError) && error instanceof Error && process.env.TIDEMARK_DEBUG)
      process.stderr.write(`${error.stack}\n`);
    return 1;
  }
}

/** What a stack can do without. */
const OPTIONAL = [...APP_NAMES, 'flink'] as const;

/** `npm start -- --without generator,processor --lab` */
function startOptions(args: readonly string[]): StartOptions {
  const { without, lab } = parsed(args);
  return {
    lab,
    without: without
      .split(',')
      .filter(Boolean)
      .map((name) => {
        const app = OPTIONAL.find((each) => each === name);
        if (app === undefined)
          throw new StackError('STACK_SETTING_INVALID', `--without ${name} names none of ${OPTIONAL.join(', ')}.`);
        return app;
      }),
  };
}

function parsed(args: readonly string[]): { without: string; lab: boolean } {
  try {
    return parseArgs({
      args: [...args],
      options: { without: { type: 'string', default: '' }, lab: { type: 'boolean', default: false } },
    }).values;
  } catch (cause) {
    throw new StackError(
      'STACK_SETTING_INVALID',
      '"npm start" takes "-- --without" and a list of our own programs, such as generator,processor, and "-- --lab", which offers faults.',
      { cause },
    );
  }
}
