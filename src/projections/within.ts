import { AppError } from '../errors.js';

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
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let expired = false;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      expired = true;
      reject(new AppError(code, `${what} took longer than ${limitMs} ms.`, { retryable: true, outcome: 'unknown' }));
    }, limitMs);
  });
  work.then(
    (value) => (expired ? late(value) : undefined),
    () => undefined,
  );
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
