import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { sendMessages } from '../../generator/produce.js';
import { prepareLines } from './prepare.js';

export interface ProduceOptions {
  readonly brokers: string;
  readonly topic: string;
  readonly shiftToNow?: boolean;
  readonly keepGoing?: boolean;
}

export interface Out {
  readonly say: (line: string) => void;
  readonly warn: (line: string) => void;
}

/** Sends a file of events; the exit code. A wrong line stops everything before anything is sent, unless told to keep going. */
export async function produce(
  file: string,
  options: ProduceOptions,
  nowMs: number,
  { say, warn }: Out,
): Promise<number> {
  const content = file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  const prepared = prepareLines(content, { nowMs, shiftToNow: options.shiftToNow === true });
  for (const p of prepared.problems) warn(`${file}:${p.line}: ${p.code}: ${p.message}`);
  if (prepared.problems.length > 0 && options.keepGoing !== true) {
    warn(`Nothing was sent. Correct ${prepared.problems.length} line(s), or send the others with --keep-going.`);
    return 1;
  }
  const ranges = await sendMessages(options.brokers, options.topic, prepared.messages);
  say(`sent ${prepared.messages.length} events to ${options.topic}`);
  for (const r of ranges) say(`  partition ${r.partition}: offsets ${r.first}-${r.last}`);
  return prepared.problems.length > 0 ? 1 : 0;
}
