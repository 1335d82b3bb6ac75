import { PATIENT_RETRIES, connectedProducer, kafkaClient, topicEnds } from './kafka.js';
import type { GeneratorOptions } from './options.js';
import { lastMessages } from './replay.js';
import { EventStream, backfill, due, type SourceMessage } from './stream.js';

const BATCH = 1_000;
const PACE_MS = 50;

export interface RunDeps {
  readonly now: () => number;
  /** Aborting drains: what is being sent is finished. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });

/** Backfills an empty topic, then writes at a steady rate until the count is reached or it is told to stop. */
export async function runGenerator(options: GeneratorOptions, { now, signal, say }: RunDeps): Promise<void> {
  const kafka = kafkaClient(options.brokers, 'tidemark-generator', PATIENT_RETRIES);
  const startedMs = now();
  const stream = new EventStream(options, `g${options.seed}-${startedMs.toString(36)}`);
  const producer = await connectedProducer(kafka);
  const send = (messages: SourceMessage[]): Promise<unknown> =>
    producer.send({ topic: options.topic, acks: -1, messages });
  try {
    if (options.replay > 0) {
      const again = await lastMessages(kafka, options.topic, options.replay);
      for (let i = 0; i < again.length && !signal.aborted; i += BATCH) await send(again.slice(i, i + BATCH));
      say(`replayed ${again.length} records`);
    }
    if (options.backfillMinutes > 0 && (await isEmpty(kafka.admin(), options.topic))) {
      const sent = await writeBackfill(stream, options, startedMs, send, signal);
      say(`backfilled ${sent} records over ${options.backfillMinutes} minutes`);
    }
    const sent = await writeSteadily(stream, options, now, send, signal);
    say(`sent ${sent} records`);
  } finally {
    await producer.disconnect();
  }
}

type Send = (messages: SourceMessage[]) => Promise<unknown>;

async function writeBackfill(
  stream: EventStream,
  options: GeneratorOptions,
  toMs: number,
  send: Send,
  signal: AbortSignal,
): Promise<number> {
  let batch: SourceMessage[] = [];
  let sent = 0;
  const fromMs = toMs - options.backfillMinutes * 60_000;
  for (const message of backfill(stream, options.backfillCount, fromMs, toMs)) {
    batch.push(message);
    if (batch.length < BATCH) continue;
    await send(batch);
    sent += batch.length;
    batch = [];
    if (signal.aborted) return sent;
  }
  if (batch.length > 0) await send(batch);
  return sent + batch.length;
}

async function writeSteadily(
  stream: EventStream,
  options: GeneratorOptions,
  now: () => number,
  send: Send,
  signal: AbortSignal,
): Promise<number> {
  const limit = options.count ?? Infinity;
  const startedMs = now();
  let sent = 0;
  while (sent < limit && !signal.aborted) {
    const ready = options.rate === 0 ? sent + BATCH : due(options.rate, startedMs, now());
    const batch: SourceMessage[] = [];
    while (sent + batch.length < Math.min(ready, limit) && batch.length < BATCH) batch.push(stream.next(now()));
    if (batch.length > 0) await send(batch);
    sent += batch.length;
    if (options.rate > 0) await pause(PACE_MS, signal);
  }
  return sent;
}

async function isEmpty(admin: ReturnType<ReturnType<typeof kafkaClient>['admin']>, topic: string): Promise<boolean> {
  await admin.connect();
  try {
    const ends = await topicEnds(admin, [topic]);
    return ends.every((t) => t.partitions.every((p) => p.high === 0));
  } finally {
    await admin.disconnect();
  }
}
