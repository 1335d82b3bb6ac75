import { realAfter, type After } from '../timers.js';

/** A job that runs again and again, never twice at once, with its failures told and bounded in time; `stop` drains it. */
export interface Periodic {
  stop(): Promise<void>;
}

export interface PeriodicOptions {
  readonly everyMs: number;
  readonly run: () => Promise<void>;
  /** Called with each failure; the job goes on at its pace. */
  readonly onError: (error: unknown) => void;
  readonly after?: After | undefined;
}

export function startPeriodic({ everyMs, run, onError, after = realAfter }: PeriodicOptions): Periodic {
  let stopped = false;
  let cancel = (): void => undefined;
  let running: Promise<void> = Promise.resolve();
  const tick = (): void => {
    running = run()
      .catch(onError)
      .finally(() => {
        if (!stopped) cancel = after(everyMs, tick);
      });
  };
  tick();
  return {
    stop: () => {
      stopped = true;
      cancel();
      return running;
    },
  };
}
