/** A pause between two looks at a condition; ends early when the signal fires. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(finish, ms);
    function finish(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    }
    if (signal?.aborted) finish();
    else signal?.addEventListener('abort', finish, { once: true });
  });
}

/** Looks at a condition until it holds (true) or the limit is over (false). A look that throws counts as no. */
export async function holdsWithin(
  condition: () => boolean | Promise<boolean>,
  limits: { timeoutMs: number; everyMs?: number; signal?: AbortSignal },
): Promise<boolean> {
  const end = performance.now() + limits.timeoutMs;
  for (;;) {
    try {
      if (await condition()) return true;
    } catch {
      // Not yet.
    }
    if (performance.now() >= end || limits.signal?.aborted) return false;
    await pause(limits.everyMs ?? 100, limits.signal);
  }
}
