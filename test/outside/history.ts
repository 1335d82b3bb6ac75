/**
 * What sessions wrote and were shown, for a judge outside of this repository's code (`checker/`, Go). One JSON object per line.
 *
 * A register is one result of one engine whose versions are numbered by whoever writes them: 0 before the first. Call and
 * return are numbers of one counter of the recorder: what returned before something else was called came before it.
 */
import { closeSync, openSync, writeSync } from 'node:fs';

export interface Operation {
  readonly session: string;
  readonly op: 'write' | 'read';
  readonly key: string;
  readonly version: number;
  readonly call: number;
  /** null: nobody said that it was done. It may be seen, or not. */
  readonly return: number | null;
  /** Of reads: who answered, for people. */
  readonly server?: string;
  readonly store?: string;
}

/** Bytes kept before they are written. */
const CHUNK = 1 << 20;

export class Recorder {
  readonly sessions = new Set<string>();
  readonly servers = new Set<string>();
  readonly stores = new Set<string>();
  reads = 0;
  writes = 0;
  private count = 0;
  private pending: string[] = [];
  private size = 0;
  private readonly file: number;

  constructor(readonly path: string) {
    this.file = openSync(path, 'w');
  }

  /** The next number: of a call, or of a return. */
  now(): number {
    return (this.count += 1);
  }

  add(operation: Operation): void {
    this.sessions.add(operation.session);
    if (operation.op === 'write') this.writes += 1;
    else this.reads += 1;
    if (operation.server !== undefined) this.servers.add(operation.server);
    if (operation.store !== undefined) this.stores.add(operation.store);
    const line = `${JSON.stringify(operation)}\n`;
    this.pending.push(line);
    this.size += line.length;
    if (this.size >= CHUNK) this.flush();
  }

  close(): void {
    this.flush();
    closeSync(this.file);
  }

  private flush(): void {
    writeSync(this.file, this.pending.join(''));
    this.pending = [];
    this.size = 0;
  }
}
