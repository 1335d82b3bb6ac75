/** How long a condition may take, and how often it is looked at. */
export interface Limits {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/**
 * Repeats an expectation until it no longer throws, and returns what it returned. When the time is over the last failure is
 * thrown, so that the test says what was wrong and not merely that it took too long.
 */
export async function eventually<T>(expectation: () => T | Promise<T>, limits: Limits = {}): Promise<T> {
  const { timeoutMs = 10_000, everyMs = 50 } = limits;
  const end = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await expectation();
    } catch (error) {
      if (performance.now() >= end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Holds an expectation for a while: it must never throw. For claims of the form "nothing happens". */
export async function always(
  expectation: () => void | Promise<void>,
  limits: { forMs: number; everyMs?: number },
): Promise<void> {
  const end = performance.now() + limits.forMs;
  while (performance.now() < end) {
    await expectation();
    await new Promise((resolve) => setTimeout(resolve, limits.everyMs ?? 50));
  }
}
