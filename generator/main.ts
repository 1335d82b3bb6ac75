import { Command } from 'commander';
import { addGeneratorOptions, parseGeneratorOptions } from './options.js';
import { runGenerator } from './run.js';

const DEFAULT_BACKFILL_MINUTES = 60;

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());

const command = addGeneratorOptions(new Command('generator'), DEFAULT_BACKFILL_MINUTES);
command.action(async (raw: unknown) => {
  const say = (line: string): void => void process.stdout.write(`generator: ${line}\n`);
  await runGenerator(parseGeneratorOptions(raw), { now: Date.now, signal: stopping.signal, say });
});
command.parseAsync().catch((error: unknown) => {
  process.stderr.write(`generator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
