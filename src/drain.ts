import { within } from './contract/limit.js';

/**
 * Ends what was started, last first, within `limitMs` in all. What is still running then is cut off by the end of the
 * process: Postgres rolls back what was open, and nothing half stays.
 * @param told of each step that failed, and of the limit
 */
export async function drain(
  steps: readonly (() => Promise<unknown>)[],
  limitMs: number,
  told: (error: unknown) => void,
): Promise<void> {
  const all = async (): Promise<void> => {
    for (const end of [...steps].reverse()) await end().catch(told);
  };
  await within(all(), limitMs, () => new Error(`not drained within ${limitMs} ms`)).catch(told);
}
