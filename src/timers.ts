/**
 * Waiting, as an argument: whoever drives the code decides what time is. The server passes nothing and gets real timers; the
 * simulation (lab/simulation) passes its own, so that a run with the same seed is the same run.
 */
/** Calls `fn` once, `ms` milliseconds from now. What it returns takes that back. */
export type After = (ms: number, fn: () => void) => () => void;

export const realAfter: After = (ms, fn) => {
  const timer = setTimeout(fn, ms);
  return () => clearTimeout(timer);
};
