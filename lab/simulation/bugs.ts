/**
 * Bugs that the simulation must find, each a wrong implementation of one port or part around the right code: the server's
 * sources know nothing of them. A clean run uses none.
 */
import type { Errand } from '../../src/contract/router.js';
import type { Proof, ProofSource } from '../../src/contract/proof-port.js';
import type { IngestStore } from '../../src/ingest/port.js';
import type { LogConsumer, LogRecord } from '../../src/log/port.js';
import { keyOf } from '../../src/position/commit-log.js';
import { maxPosition, position, type Micros, type Position } from '../../src/position/position.js';
import { decodeDocument, type ResultDocument } from '../../src/stores/document.js';
import { AppliedWatch } from '../../src/contract/watch.js';
import type { Answer, ReadModel, ResultReader } from '../../src/stores/port.js';
import type { Store } from '../../src/words.js';
import type { Tick } from '../../src/ingest/port.js';
import type { Lock } from './ports/locks.js';
import { MemoryPostgres } from './ports/postgres.js';
import type { SearchDisk, SearchModel, StoreDisk } from './ports/stores.js';
import { Topic, type Transaction } from './ports/topic.js';

export const BUGS = {
  'offsets-outside': 'offsets are stored in a transaction of their own, before the data',
  'position-after-data': 'a read model reads its applied position after the data',
  'joins-in-flight': 'a request joins a clock read that is already under way',
  'row-order': 'positions are given out when rows are written, not in commit order',
  'same-row-twice': 'a transaction writes a row once per record, the older value too',
  'search-before-refresh': 'the search position moves with the write, before the refresh',
  'applied-before-parts': 'the applied position moves with the first part of a transaction',
  'floor-ignored': 'a store behind the floor of the in-flight set is believed to be current',
  'aborted-read': 'records of aborted Kafka transactions are let through',
  'wall-clock-sync': "the sync time is the server's wall clock",
  'stale-clock': "Postgres' time stands still between two proofs",
  'early-wait': 'a wait ends at once, and the store is believed to have come there',
  'foreign-token': 'a token of another history is taken for one of this',
  'fallback-upgrades': 'what stands in for an unmet answer is said to meet its requirement',
} as const;
export type Bug = keyof typeof BUGS;

export function offsetsOutside(inner: IngestStore, db: MemoryPostgres): IngestStore {
  return {
    ...inner,
    begin: async () => {
      const tx = await inner.begin();
      return {
        ...tx,
        advanceOffsets: async (place, last) => {
          const id = `${place.topic}/${place.partition}`;
          const gap = db.offsets.get(id)?.gap ?? null;
          db.offsets.set(id, { next: last.offset + 1n, last, gap });
        },
      };
    },
  };
}

/** One document per record, in the order of the records: what one upsert per record would publish. */
export function sameRowTwice(inner: IngestStore): IngestStore {
  return {
    ...inner,
    begin: async () => {
      const tx = await inner.begin();
      let copied: { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[] = [];
      return {
        ...tx,
        copy: async (results, provenance) => {
          copied = results.map(({ state }) => ({ key: keyOf(state), value: state.calculatedValue }));
          await tx.copy(results, provenance);
        },
        writeLog: async (tick, keys, documents) => {
          const all = documents.flatMap((text) => {
            const document = JSON.parse(text) as ResultDocument;
            const { kind, business_key: businessKey, processing_engine: engine } = document;
            const values = copied.filter(({ key }) => key === keyOf({ kind, businessKey, engine })).slice(0, -1);
            return [...values.map(({ value }) => JSON.stringify({ ...document, calculated_value: value })), text];
          });
          await tx.writeLog(tick, keys, all);
        },
      };
    },
  };
}

/** A sequence instead of the clock: nobody waits for anybody's commit. */
export class RowOrderPostgres extends MemoryPostgres {
  private issued: Tick | null = null;

  override lockClock(_holder: Lock): Promise<void> {
    return Promise.resolve();
  }

  override tick(): Tick {
    const last = this.issued ?? this.clock;
    const tick = { ...super.tick(), position: position(last.position + 1n), predecessor: last.nonce };
    this.issued = tick;
    return tick;
  }

  protected override moved(tick: Tick): Tick {
    return tick.position > this.clock.position ? tick : this.clock;
  }
}

export function positionAfterData(inner: ReadModel): ReadModel {
  const late = async <T>({ applied, data }: Answer<T>): Promise<Answer<T>> => {
    const binding = await inner.binding();
    return { applied: binding.status === 'bound' ? binding.applied : applied, data };
  };
  return {
    ...inner,
    readMany: async (keys) => late(await inner.readMany(keys)),
    list: async (query) => late(await inner.list(query)),
  };
}

export function joinsInFlight(inner: ProofSource): ProofSource {
  let running: Promise<Proof> | null = null;
  return {
    now: () => inner.now(),
    prove: () => (running ??= inner.prove().finally(() => (running = null))),
  };
}

export const floorIgnored = (inner: ProofSource): ProofSource => ({
  now: () => inner.now(),
  prove: async () => {
    const proof = await inner.prove();
    return { ...proof, floor: position(0) };
  },
});

export function searchBeforeRefresh(inner: SearchModel, disk: SearchDisk): SearchModel {
  return {
    ...inner,
    apply: async (changes, applied) => {
      await inner.apply(changes, applied);
      disk.search = disk.bound?.applied ?? disk.search;
    },
  };
}

interface Envelope {
  after: { position: number; part: number; parts: number; documents: string; committed_at_us: number };
}

/** The first part passes for the whole; the others are written when they come. */
export function appliedBeforeParts(inner: LogConsumer, disk: StoreDisk): LogConsumer {
  const taken = (record: LogRecord): LogRecord[] => {
    const envelope = JSON.parse(record.value?.toString() ?? '') as Envelope;
    const { after } = envelope;
    if (after.parts === 1) return [record];
    if (after.part === 0) {
      after.parts = 1;
      return [{ ...record, value: Buffer.from(JSON.stringify(envelope)) }];
    }
    for (const json of JSON.parse(after.documents) as unknown[]) {
      const document = decodeDocument(json, position(after.position), after.committed_at_us as Micros);
      const known = disk.collection?.get(keyOf(document));
      if (known === undefined || known.position < document.position) disk.collection?.set(keyOf(document), document);
    }
    return [];
  };
  return {
    stop: () => inner.stop(),
    run: (handler) =>
      inner.run({
        ...handler,
        handle: async (batch) => {
          // One by one, as they come: what a batch holds together would hide it.
          for (const record of batch.records) {
            const records = taken(record);
            if (records.length > 0) await handler.handle({ ...batch, records });
          }
        },
      }),
  };
}

export class UncommittedTopic extends Topic {
  protected override wanted(_transaction: Transaction | null, control: boolean): boolean {
    return !control;
  }
}

export function wallClockSync(inner: ReadModel, wallUs: () => number): ReadModel {
  const now = <T>({ applied, data }: Answer<T>): Answer<T> => ({
    applied: applied === null ? null : { ...applied, committedAt: Math.floor(wallUs()) as Micros },
    data,
  });
  return {
    ...inner,
    readMany: async (keys) => now(await inner.readMany(keys)),
    list: async (query) => now(await inner.list(query)),
  };
}

/** Its position is believed, whatever history it is of. */
export const foreignToken = (errand: Errand, incarnation: string): Errand => {
  const { atLeast } = errand.requirement;
  if (atLeast === null) return errand;
  return { ...errand, requirement: { ...errand.requirement, atLeast: { ...atLeast, incarnation } } };
};

export const fallbackUpgrades = (errand: Errand): Errand => ({
  ...errand,
  tell: (taken) => errand.tell({ ...taken, met: true }),
});

export function staleClock(inner: ProofSource): ProofSource {
  let at: Micros | null = null;
  return {
    now: () => at,
    prove: async () => {
      const proof = await inner.prove();
      at = inner.now();
      return proof;
    },
  };
}

/** What a read model says of itself counts no more than what was waited for. */
export class EarlyWatch extends AppliedWatch {
  private readonly believed = new Map<Store, Position>();

  override reached(...[store, , until]: Parameters<AppliedWatch['reached']>): Promise<boolean> {
    this.believed.set(store, until.position);
    return Promise.resolve(true);
  }

  reader(inner: ResultReader): ResultReader {
    const there = <T>({ applied, data }: Answer<T>): Answer<T> => {
      const at = this.believed.get(inner.store) ?? position(0);
      return { data, applied: applied === null ? null : { ...applied, position: maxPosition(applied.position, at) } };
    };
    return {
      store: inner.store,
      readMany: async (keys) => there(await inner.readMany(keys)),
      list: async (query) => there(await inner.list(query)),
    };
  }
}
