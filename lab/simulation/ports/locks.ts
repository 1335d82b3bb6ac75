/** Row locks: whoever asks waits for the holder's end, in the order of asking. */

/** Who holds locks: a transaction. */
export class Lock {
  released = false;
}

export class Locks {
  private readonly queues = new Map<string, { holder: Lock; take: () => void }[]>();

  /** Resolves once it is held. One that is released while it waits never gets it. */
  acquire(name: string, holder: Lock): Promise<void> {
    const queue = this.queues.get(name) ?? [];
    this.queues.set(name, queue);
    if (queue[0]?.holder === holder) return Promise.resolve();
    return new Promise((take) => {
      queue.push({ holder, take });
      if (queue.length === 1) take();
    });
  }

  release(holder: Lock): void {
    holder.released = true;
    for (const queue of this.queues.values()) {
      const first = queue[0];
      const left = queue.filter((waiting) => waiting.holder !== holder);
      queue.splice(0, queue.length, ...left);
      if (first !== undefined && first.holder === holder) left[0]?.take();
    }
  }
}
