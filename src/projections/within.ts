import { AppError } from '../errors.js';
import { realAfter, type After } from '../timers.js';

/**
 * `work`, or an AppError with `code` (retryable, outcome unknown) after `limitMs`. A result that comes too late goes to
 * `late`, so that what it holds is given back.
 */
export async function within<T>(
  work: Promise<T>,
  limitMs: number,
  code: string,
  what: string,
  late: (value: T) => void = () => undefined,
  after: After = realAfter,
): Promise<T> {
  let cancel = (): void => undefined;
  let expired = false;
  const limit = new Promise<never>((_, reject) => {
    cancel = after(limitMs, () => {
      expired = true;
      reject(new AppError(code, `${what} took longer than ${limitMs} ms.`, { retryable: true, outcome: 'unknown' }));
    });
  });
  work.then(
    (value) => (expired ? late(value) : undefined),
    () => undefined,
  );
  try {
    return await Promise.race([work, limit]);
  } finally {
    cancel();
  }
}
