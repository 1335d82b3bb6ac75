/** What every source of truth must do for ingest, as tests: Postgres runs this suite, and the one of the simulation (port.ts). */
import type { ProofOptions } from '../contract/proof.js';
import type { LogRecord } from '../log/port.js';
import { decode, type Place } from './decode.js';
import type { IngestStore, IngestTransaction, Tick } from './port.js';

export interface IngestSubject {
  readonly store: IngestStore;
  readonly read: ProofOptions['read'];
  close(): Promise<void>;
}

const place: Place = { topic: 'results.kafka-only', partition: 0, engine: 'KAFKA_ONLY' };
const last = { offset: 4n, digest: Buffer.from('digest') };

const record = (offset: number, businessKey: string): LogRecord => ({
  offset: BigInt(offset),
  key: businessKey,
  timestampMs: 0,
  value: Buffer.from(
    JSON.stringify({
      schema: 1,
      kind: 'tally',
      business_key: businessKey,
      op: 'upsert',
      calculated_value: { n: offset },
      processing_engine: 'KAFKA_ONLY',
      pipeline: 'p',
      run: { id: 'r' },
    }),
  ),
});

/** Copies one result and writes its row, as commit.ts does. */
async function writeRow(tx: IngestTransaction, tick: Tick, offset: number, businessKey: string): Promise<void> {
  const decoded = decode(record(offset, businessKey), place, 0);
  if (decoded.type !== 'accepted' || decoded.record.type !== 'result' || decoded.provenance === null) throw new Error();
  await tx.copy([decoded.record], new Map([[0, decoded.provenance]]));
  await tx.writeRows(place, tick, [{ row: decoded.record.state, source: decoded.record, fresh: true }]);
}

const keyOf = (businessKey: string) => ({ kind: 'tally', businessKey, engine: 'KAFKA_ONLY' as const });

export function describeIngestStore(name: string, factory: () => Promise<IngestSubject>): void {
  const claim = (title: string, body: (subject: IngestSubject) => Promise<void>): void =>
    test(title, async () => {
      const subject = await factory();
      try {
        await body(subject);
      } finally {
        await subject.close();
      }
    });

  describe(`${name} as the source of truth of ingest`, () => {
    claim(
      'a partition begins where it is first started, and goes on where its last commit ended',
      async ({ store }) => {
        expect(await store.offsets(place, 3n)).toEqual({ next: 3n, last: null });
        expect(await store.offsets(place, 9n)).toEqual({ next: 3n, last: null });
        const tx = await store.begin();
        expect((await tx.lockOffsets(place)).next).toBe(3n);
        await tx.advanceOffsets(place, last);
        await tx.commit();
        expect(await store.offsets(place, 0n)).toEqual({ next: 5n, last });
      },
    );

    claim('a partition that was never started can not be locked', async ({ store }) => {
      const tx = await store.begin();
      await expect(tx.lockOffsets(place)).rejects.toMatchObject({ code: 'INGEST_NOT_STARTED', retryable: true });
      await tx.abort();
    });

    claim(
      'what a transaction writes is there after its commit as a whole, and before it not at all',
      async (subject) => {
        const { store, read } = subject;
        await store.offsets(place, 0n);
        const tx = await store.begin();
        await tx.lockOffsets(place);
        const tick = await tx.takeClock();
        await writeRow(tx, tick, 4, 'a');
        await tx.advanceOffsets(place, last);
        await tx.writeLog(tick, '[["tally","a","KAFKA_ONLY","LOW",[]]]', ['{}']);
        const before = await read('-1', 10, null);
        const other = await store.begin();
        expect([before.position, before.entries, await other.readRows([keyOf('a')])]).toEqual(['0', [], new Map()]);
        await tx.commit();
        const after = await read('-1', 10, null);
        expect(after).toMatchObject({ position: '1', nonce: tick.nonce, incarnation: tick.incarnation });
        expect(after.entries).toEqual([
          [1, tick.nonce, tick.predecessor, tick.committedAt, [['tally', 'a', 'KAFKA_ONLY', 'LOW', []]]],
        ]);
        expect([...(await other.readRows([keyOf('a'), keyOf('b')])).values()]).toMatchObject([
          { businessKey: 'a', calculatedValue: { n: 4 }, resultOffset: 4 },
        ]);
        await other.abort();
      },
    );

    claim('of an aborted transaction nothing stays, and its position is given to the next', async ({ store, read }) => {
      await store.offsets(place, 0n);
      const tx = await store.begin();
      await tx.lockOffsets(place);
      const tick = await tx.takeClock();
      await writeRow(tx, tick, 4, 'a');
      await tx.advanceOffsets(place, last);
      await tx.writeLog(tick, '[]', []);
      await tx.abort();
      await tx.abort();
      expect(await store.offsets(place, 0n)).toEqual({ next: 0n, last: null });
      expect((await read('-1', 10, null)).position).toBe('0');
      const next = await store.beat(0);
      expect([next?.position, next?.predecessor]).toEqual([1n, tick.predecessor]);
    });

    claim(
      'a second transaction of the partition waits, and then sees how far the first has come',
      async ({ store }) => {
        await store.offsets(place, 0n);
        const [first, second] = [await store.begin(), await store.begin()];
        await first.lockOffsets(place);
        let waited = true;
        const locked = second.lockOffsets(place).finally(() => (waited = false));
        await first.advanceOffsets(place, last);
        expect(waited).toBe(true);
        await first.commit();
        expect((await locked).next).toBe(5n);
        await second.abort();
      },
    );

    claim(
      'who takes the clock waits for the commit before, and follows it: gapless, chained, later',
      async ({ store }) => {
        const [first, second] = [await store.begin(), await store.begin()];
        const one = await first.takeClock();
        const waiting = second.takeClock();
        const beating = store.beat(0);
        await first.writeLog(one, '[]', []);
        await first.commit();
        const two = await waiting;
        await second.writeLog(two, '[]', []);
        await second.commit();
        const three = await beating;
        const ticks = [one, two, three];
        expect(ticks.map((tick) => tick?.position)).toEqual([1n, 2n, 3n]);
        expect([two.predecessor, three?.predecessor]).toEqual([one.nonce, two.nonce]);
        expect(two.committedAt).toBeGreaterThan(one.committedAt);
        expect(three?.committedAt).toBeGreaterThan(two.committedAt);
      },
    );

    claim('it beats when nothing was committed for long enough, and only then', async ({ store, read }) => {
      expect((await store.beat(0))?.position).toBe(1n);
      expect(await store.beat(3_600_000_000)).toBeNull();
      expect((await read('0', 10, null)).entries.map(([at]) => at)).toEqual([1]);
    });

    claim('what is held against results is told to whoever does not know it yet', async ({ read }) => {
      expect(await read('-1', 10, '-2')).toMatchObject({ lettersAt: null, letters: [] });
      expect(await read('-1', 10, null)).toMatchObject({ lettersAt: null, letters: null });
    });

    claim('the clock is read with what was committed after a position, within the horizon', async ({ store, read }) => {
      for (let n = 0; n < 5; n += 1) await store.beat(0);
      expect((await read('3', 10, null)).entries.map(([at]) => at)).toEqual([4, 5]);
      expect((await read('0', 2, null)).entries.map(([at]) => at)).toEqual([4, 5]);
    });
  });
}
