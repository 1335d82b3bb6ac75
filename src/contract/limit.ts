import { asError } from '../errors.js';
import { realAfter, type After } from '../timers.js';

/**
 * `promise`, or the error of `onLimit` after `limitMs`. The promise itself goes on; what it does later is ignored, so
 * that its failure is no unhandled rejection.
 */
export function within<T>(
  promise: Promise<T>,
  limitMs: number,
  onLimit: () => Error,
  after: After = realAfter,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = after(limitMs, () => reject(onLimit()));
    promise.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (error: unknown) => {
        cancel();
        reject(asError(error));
      },
    );
  });
}
