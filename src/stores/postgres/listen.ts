/**
 * What Postgres tells when a transaction commits (LISTEN), on one connection of its own. A notification says that there is something
 * to read, not what; one that was missed while the connection was down is made up for by telling everybody once it is back.
 */
import { Client } from 'pg';

export interface ListenerOptions {
  readonly connectionString: string;
  readonly warn: (error: unknown, message: string) => void;
  /** A connection that carries nothing is asked so often whether it still does. Milliseconds. */
  readonly probeMs?: number;
}

export interface Listener {
  /** Calls `told` after each commit that tells of the channel, and whenever some may have been missed. */
  on(channel: string, told: () => void): { stop(): Promise<void> };
  stop(): Promise<void>;
}

const PROBE_MS = 5_000;
const ANSWER_MS = 2_000;
const BACKOFF_MS = { first: 50, most: 2_000 };

export function createListener(options: ListenerOptions): Listener {
  const { warn, probeMs = PROBE_MS } = options;
  const channels = new Map<string, Set<() => void>>();
  let client: Client | null = null;
  let stopped = false;
  let loop: Promise<void> | null = null;
  let wakeUp = (): void => undefined;

  const tell = (channel: string): void => {
    for (const told of channels.get(channel) ?? []) told();
  };

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  async function connected(): Promise<void> {
    const mine = new Client({
      connectionString: options.connectionString,
      application_name: 'tidemark-events',
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
      keepAlive: true,
    });
    const broken = new Promise<never>((_, reject) => {
      mine.on('error', reject);
      mine.on('end', () => reject(new Error('the connection ended')));
    });
    broken.catch(() => undefined);
    mine.on('notification', ({ channel }) => tell(channel));
    try {
      await mine.connect();
      for (const channel of channels.keys()) await mine.query(`listen ${channel}`);
      client = mine;
      for (const channel of channels.keys()) tell(channel);
      while (!stopped) {
        await Promise.race([pause(probeMs), broken]);
        // A connection that was cut off without a word says nothing of it.
        if (!stopped) await Promise.race([mine.query('select 1'), broken]);
      }
    } finally {
      if (client === mine) client = null;
      await mine.end().catch(() => undefined);
    }
  }

  async function run(): Promise<void> {
    let backoff = BACKOFF_MS.first;
    while (!stopped) {
      const before = performance.now();
      await connected().catch((error: unknown) => {
        if (!stopped) warn(error, 'the connection that tells of new events broke: connecting again');
      });
      if (performance.now() - before > probeMs) backoff = BACKOFF_MS.first;
      if (!stopped) await pause(backoff);
      backoff = Math.min(backoff * 2, BACKOFF_MS.most);
    }
  }

  return {
    on(channel, told) {
      const before = channels.get(channel);
      if (before === undefined) {
        channels.set(channel, new Set([told]));
        // Told once it listens: what was committed meanwhile was missed. An error is the connection's end, and comes by itself.
        client?.query(`listen ${channel}`).then(
          () => tell(channel),
          () => undefined,
        );
      } else before.add(told);
      loop ??= run();
      return {
        async stop() {
          const left = channels.get(channel);
          left?.delete(told);
          if (left?.size !== 0) return;
          channels.delete(channel);
          await client?.query(`unlisten ${channel}`).catch(() => undefined);
        },
      };
    },
    async stop() {
      stopped = true;
      wakeUp();
      await loop;
    },
  };
}
