/** What is done when the commit clock is found behind what this server, or a read model, has seen (contract.md §2). */
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Reached } from './position/commit-log.js';
import type { Highest } from './position/highest.js';
import type { ReadModel } from './stores/port.js';
import { startClock } from './stores/postgres/clock.js';

/** What each read model has shown: a clock behind it was rewound. One that can't be asked shows nothing. */
export async function shownBy(models: readonly ReadModel[], log: Logger): Promise<Reached[]> {
  const bindings = await Promise.all(
    models.map((model) =>
      model.binding().catch((err: unknown) => {
        log.warn({ err, store: model.store }, 'the store can not be asked how far it has come');
        return null;
      }),
    ),
  );
  return bindings.flatMap((binding) => (binding?.status === 'bound' ? [binding.applied] : []));
}

/**
 * Begins a new incarnation after the clock was found behind what this server has seen, once at a time. The projections
 * notice it in the log, and rebuild.
 */
export function renewal(pool: Pool, models: readonly ReadModel[], highest: Highest, log: Logger): () => void {
  let running = false;
  return () => {
    if (running) return;
    running = true;
    const seen = highest.mark();
    void shownBy(models, log)
      .then((shown) => startClock(pool, shown, seen?.incarnation))
      .then(
        ({ incarnation, forked }) =>
          log.error(
            { incarnation },
            `the commit clock was rewound; a new incarnation begins: ${forked ?? 'begun already'}`,
          ),
        (err: unknown) => log.error({ err }, 'the clock was rewound, and no new incarnation could begin yet'),
      )
      .finally(() => (running = false));
  };
}
