/** Ticks of a clock that may have been rewound behind what this server has seen (position/highest.ts). */
import { AppError } from '../errors.js';
import { rewound, type Highest } from '../position/highest.js';
import type { Position } from '../position/position.js';
import type { Tick } from './port.js';

const clockRewound = (): AppError =>
  new AppError(
    'CLOCK_REWOUND',
    'The commit clock stands behind a position that this server has seen: a new incarnation begins.',
    {
      retryable: true,
      outcome: 'none',
    },
  );

/**
 * The tick that `take` brings.
 * @throws AppError CLOCK_REWOUND when Postgres was restored behind what this server has seen: nothing may count with it
 */
export async function checkedTick<T extends Tick | null>(highest: Highest, take: () => Promise<T>): Promise<T> {
  // Before the clock is asked: answers overtake each other.
  const mark = highest.mark();
  const tick = await take();
  if (tick === null) return tick;
  const before = { ...tick, position: (tick.position - 1n) as Position, nonce: tick.predecessor };
  if (rewound(mark, before)) throw clockRewound();
  return tick;
}
