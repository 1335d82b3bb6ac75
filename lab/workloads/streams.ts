/** Streams of orders that a run can be made with, as arguments of the generator. Pure. */

export const STREAMS = {
  /** Every symbol alike. */
  uniform: ['--symbols', '100'],
  /** Few symbols have most orders (Zipf). */
  zipf: ['--symbols', '300', '--skew', '1.1'],
  /** One symbol at a time has many at once. */
  bursts: ['--symbols', '100', '--bursts', '0.02', '--burst-size', '20'],
} as const;
export type Stream = keyof typeof STREAMS;
export const STREAM_NAMES = Object.keys(STREAMS) as Stream[];

/** Late and too late ones, duplicates, updates and deletes are always among them; `poison` is a share of all. */
export const generatorArguments = (
  stream: Stream,
  { rate, seed, poison }: { readonly rate: number; readonly seed: number; readonly poison: number },
): string[] => [
  ...['--backfill-minutes', '0', '--rate', String(rate), '--seed', String(seed), ...STREAMS[stream]],
  ...['--late', '0.01', '--too-late', '0.002', '--poison', String(poison)],
];
