import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeSnapshot, encodeSnapshot, type PartitionSnapshot } from './snapshot.js';
import type { Run } from './run.js';

/** One file per source partition. Written beside and renamed: a kill leaves the old one or the new one, never half of one. */
export class StateFiles {
  /** Position of the last snapshot written, by partition: an idle partition is not written again. */
  #written = new Map<string, number>();
  #last: Promise<void> = Promise.resolve();

  constructor(
    private readonly folder: string,
    private readonly topic: string,
  ) {}

  async read(partition: number): Promise<PartitionSnapshot | null> {
    try {
      return decodeSnapshot(await readFile(this.#path(partition), 'utf8'), this.topic, partition);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /** One after the other: the timer's write and the last one before the end share their files. */
  write(run: Run): Promise<void> {
    const done = this.#last.then(() => this.#write(run));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #write(run: Run): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    for (const [partition, source] of run.partitions) {
      // Together with the encoding below, without an await between: what is confirmed changes at any time.
      const unacked = run.outbox.unackedWindows();
      const id = `${run.id}/${partition}`;
      // With something unconfirmed or waiting, the file must say so; else the same position is the same state.
      const quiet = unacked.size === 0 && source.dirty.size === 0;
      if (quiet && this.#written.get(id) === source.position) continue;
      const path = this.#path(partition);
      const { position } = source;
      await writeFile(`${path}.${run.id}.tmp`, encodeSnapshot(source, this.topic, unacked));
      await rename(`${path}.${run.id}.tmp`, path);
      this.#written.set(id, quiet ? position : -1);
    }
  }

  #path(partition: number): string {
    return join(this.folder, `${this.topic}-${partition}.json`);
  }
}
