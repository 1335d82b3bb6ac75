/**
 * One moment on two clocks. The monotonic one never steps, but stands still while some machines sleep; the wall clock goes
 * on, but may be set. Of what passed, the larger of the two is taken: a contract may look older than it is, never younger.
 */
export interface Instant {
  /** Milliseconds of a clock that never steps. */
  readonly monotonicMs: number;
  /** Milliseconds since the epoch. */
  readonly wallMs: number;
}

export type Clock = () => Instant;

/** The clock of browsers and of Node. */
export const systemClock: Clock = () => ({ monotonicMs: performance.now(), wallMs: Date.now() });

/** Milliseconds from one moment to another, never too few, never negative. Pure. */
export const elapsedMs = (from: Instant, to: Instant): number =>
  Math.max(0, to.monotonicMs - from.monotonicMs, to.wallMs - from.wallMs);

/** Waits, or ends early with the signal's reason. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(asError(signal?.reason));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted === true) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));
