import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { OrderEntry } from '../../fold/order.js';
import type { Spill } from './order-memory.js';

const HASH = 16;
const SLOT = 40; // hash 16, version 8, begins 8, revision 4, flags 1, unused 3
const USED = 1;
const DELETED = 2;
const RUN = 16; // slots looked at with one read
const FIRST_SLOTS = 1 << 16;
const GROWTH = 4;
const FULL = 0.6;

interface Table {
  readonly fd: number;
  readonly slots: number;
  used: number;
}

/**
 * Hash tables in files that have no name any more: the operating system removes them with the process, however it ends. They are
 * memory that happens to be on disk, not state: a run trusts nothing of an earlier one. A full table is followed by a larger
 * one and never moved, so that no record waits for a rehash. Synchronous, because the fold is; mostly the page cache answers.
 */
export class SpillFile implements Spill {
  readonly #tables: Table[] = [];
  readonly #run = Buffer.alloc(RUN * SLOT);
  readonly #slot = Buffer.alloc(SLOT);

  constructor(
    private readonly folder: string,
    private readonly name: string,
    private readonly firstSlots = FIRST_SLOTS,
  ) {}

  read(orderId: string): OrderEntry | undefined {
    if (this.#tables.length === 0) return undefined;
    const hash = hashOf(orderId);
    for (const table of this.#tables) {
      const place = this.#find(table, hash);
      if (place.found) return decode(this.#run, place.at);
    }
    return undefined;
  }

  /** Over the entry that is there, else into the newest table. */
  write(orderId: string, entry: OrderEntry): void {
    const hash = hashOf(orderId);
    encode(this.#slot, hash, entry);
    for (const table of this.#tables) {
      const place = this.#find(table, hash);
      if (place.found) return this.#put(table, place.slot);
    }
    const table = this.#roomy();
    table.used++;
    this.#put(table, this.#find(table, hash).slot);
  }

  close(): void {
    for (const { fd } of this.#tables.splice(0)) closeSync(fd);
  }

  #put(table: Table, slot: number): void {
    writeSync(table.fd, this.#slot, 0, SLOT, slot * SLOT);
  }

  #roomy(): Table {
    const last = this.#tables.at(-1);
    if (last !== undefined && last.used < last.slots * FULL) return last;
    const slots = last === undefined ? this.firstSlots : last.slots * GROWTH;
    mkdirSync(this.folder, { recursive: true });
    const path = join(this.folder, `${this.name}.${this.#tables.length}.spill`);
    const fd = openSync(path, 'wx+');
    unlinkSync(path);
    ftruncateSync(fd, slots * SLOT);
    const table = { fd, slots, used: 0 };
    this.#tables.push(table);
    return table;
  }

  /** The slot of the hash, or the free one where it would be; `at`: where in the last run read. */
  #find(table: Table, hash: Buffer): { readonly found: boolean; readonly slot: number; readonly at: number } {
    let slot = Number(hash.readBigUInt64BE(0) % BigInt(table.slots));
    for (;;) {
      const count = Math.min(RUN, table.slots - slot);
      readSync(table.fd, this.#run, 0, count * SLOT, slot * SLOT);
      for (let i = 0; i < count; i++) {
        const at = i * SLOT;
        if (((this.#run[at + 36] ?? 0) & USED) === 0) return { found: false, slot: slot + i, at };
        if (hash.equals(this.#run.subarray(at, at + HASH))) return { found: true, slot: slot + i, at };
      }
      slot = (slot + count) % table.slots;
    }
  }
}

const hashOf = (orderId: string): Buffer => createHash('sha256').update(orderId).digest().subarray(0, HASH);

function encode(slot: Buffer, hash: Buffer, entry: OrderEntry): void {
  hash.copy(slot, 0);
  slot.writeDoubleBE(entry.version, 16);
  slot.writeDoubleBE(entry.beginsMs ?? NaN, 24);
  slot.writeUInt32BE(entry.revision, 32);
  slot.writeUInt8(USED | (entry.deleted ? DELETED : 0), 36);
}

function decode(run: Buffer, at: number): OrderEntry {
  const beginsMs = run.readDoubleBE(at + 24);
  return {
    version: run.readDoubleBE(at + 16),
    deleted: ((run[at + 36] ?? 0) & DELETED) !== 0,
    beginsMs: Number.isNaN(beginsMs) ? null : beginsMs,
    revision: run.readUInt32BE(at + 32),
  };
}
