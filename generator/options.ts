import { Option, type Command } from 'commander';
import { z } from 'zod';
import { DEFAULT_STREAM } from './stream.js';

const fraction = z.coerce.number().min(0).max(1);
const whole = z.coerce.number().int().min(0);

export const GeneratorOptions = z.object({
  brokers: z.string().min(1),
  topic: z.string().min(1),
  seed: whole,
  rate: z.coerce.number().min(0),
  count: whole.optional(),
  backfillMinutes: z.coerce.number().min(0),
  backfillCount: whole,
  symbols: whole.min(1).max(1000),
  skew: z.coerce.number().min(0),
  duplicates: fraction,
  outOfOrder: fraction,
  late: fraction,
  tooLate: fraction,
  updates: fraction,
  deletes: fraction,
  overtaken: fraction,
  large: fraction,
  spikes: fraction,
  bursts: fraction,
  burstSize: whole.min(1),
  poison: fraction,
  replay: whole,
});
export type GeneratorOptions = z.infer<typeof GeneratorOptions>;

const HELP = `
Fractions lie between 0 and 1. "fraction" alone is of all records; --out-of-order, --late, --too-late, --large, --spikes and
--bursts are of the new orders. The same seed, options and times give the same bytes; two starts share no order.`;

/** The one list of the generator's options, for its own main and for `tidemark generate`. */
export function addGeneratorOptions(command: Command, defaultBackfillMinutes: number): Command {
  const d = DEFAULT_STREAM;
  const option = (flags: string, what: string, fallback?: string): Option => {
    const made = new Option(flags, what);
    return fallback === undefined ? made : made.default(fallback);
  };
  return command
    .addOption(option('--brokers <list>', 'Kafka bootstrap servers', '127.0.0.1:4092').env('KAFKA_BROKERS'))
    .addOption(option('--topic <name>', 'source topic', 'orders.events'))
    .addOption(option('--seed <n>', 'same seed, same events', String(d.seed)))
    .addOption(option('--rate <n>', 'records per second; 0 = as fast as possible', '20'))
    .addOption(option('--count <n>', 'end after n records (backfill not counted); default: never'))
    .addOption(
      option('--backfill-minutes <n>', 'past to write first, if the topic is empty', String(defaultBackfillMinutes)),
    )
    .addOption(option('--backfill-count <n>', 'records of the backfill', '20000'))
    .addOption(option('--symbols <n>', 'how many of G000-G999', String(d.symbols)))
    .addOption(option('--skew <s>', 'Zipf exponent of the symbols; 0 = even', String(d.skew)))
    .addOption(
      option(
        '--duplicates <f>',
        'fraction that repeats one of the last 50 records, byte for byte',
        String(d.duplicates),
      ),
    )
    .addOption(option('--out-of-order <f>', 'fraction up to 9.5 s behind: not yet late', String(d.outOfOrder)))
    .addOption(option('--late <f>', 'fraction behind the watermark, within lateness', String(d.late)))
    .addOption(option('--too-late <f>', 'fraction beyond lateness', String(d.tooLate)))
    .addOption(option('--updates <f>', 'fraction that updates an earlier order', String(d.updates)))
    .addOption(option('--deletes <f>', 'fraction that deletes an earlier order', String(d.deletes)))
    .addOption(
      option('--overtaken <f>', 'fraction of the updates that the next version overtakes', String(d.overtaken)),
    )
    .addOption(option('--large <f>', 'fraction of new orders of more than 500', String(d.large)))
    .addOption(option('--spikes <f>', 'fraction of new orders with a price 10 % off', String(d.spikes)))
    .addOption(option('--bursts <f>', 'fraction of new orders that begin a burst of one symbol', String(d.bursts)))
    .addOption(option('--burst-size <n>', 'orders of a burst', String(d.burstSize)))
    .addOption(option('--poison <f>', 'fraction of undecodable records', String(d.poison)))
    .addOption(option('--replay <n>', 'send the last n records of the topic once more before anything else', '0'))
    .addHelpText('after', HELP);
}

/** Validated options, or an error that names the first wrong one. */
export function parseGeneratorOptions(raw: unknown): GeneratorOptions {
  const parsed = GeneratorOptions.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const flag = String(issue?.path[0] ?? '').replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
  throw new Error(`--${flag}: ${issue?.message ?? 'not valid'}`);
}
