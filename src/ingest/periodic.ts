/** A job that runs again and again, never twice at once, with its failures told and bounded in time; `stop` drains it. */
export interface Periodic {
  stop(): Promise<void>;
}

export interface PeriodicOptions {
  readonly everyMs: number;
  readonly run: () => Promise<void>;
  /** Called with each failure; the job goes on at its pace. */
  readonly onError: (error: unknown) => void;
}

export function startPeriodic({ everyMs, run, onError }: PeriodicOptions): Periodic {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  const tick = (): void => {
    running = run()
      .catch(onError)
      .finally(() => {
        if (!stopped) timer = setTimeout(tick, everyMs);
      });
  };
  tick();
  return {
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      return running;
    },
  };
}
