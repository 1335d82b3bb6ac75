/** LogAppendTime by offset, kept just long enough to answer for offsets that are not emitted yet. */
export class AppendTimes {
  #steps: { readonly offset: number; readonly timeMs: number }[] = [];

  /** Offsets come in order; only a change of time is kept (the broker stamps whole batches). */
  note(offset: number, timeMs: number): void {
    if (this.#steps.at(-1)?.timeMs !== timeMs) this.#steps.push({ offset, timeMs });
  }

  /** Time of the last record below the offset, null if none was read; forgets what is older. Ask with rising offsets. */
  below(offset: number): number | null {
    let next = this.#steps.findIndex((s) => s.offset >= offset);
    if (next < 0) next = this.#steps.length;
    if (next > 1) {
      this.#steps.splice(0, next - 1);
      next = 1;
    }
    return next === 0 ? null : (this.#steps[0]?.timeMs ?? null);
  }
}
