import { asError } from '../errors.js';

/**
 * `promise`, or the error of `onLimit` after `limitMs`. The promise itself goes on; what it does later is ignored, so
 * that its failure is no unhandled rejection.
 */
export function within<T>(promise: Promise<T>, limitMs: number, onLimit: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(onLimit()), limitMs);
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(asError(error));
      },
    );
  });
}
