/**
 * Waiting until a store has applied a position. However many wait, each store is looked at by one small read at a time, and
 * only while somebody waits; a read that is made anyway wakes them, too.
 */
import { asError } from '../errors.js';
import type { Token } from '../position/token.js';
import { realAfter, type After } from '../timers.js';
import type { Store } from '../words.js';
import type { AppliedPosition } from './assess.js';
import type { Path } from './observed.js';

export interface WatchOptions {
  /** How far the store is now on this path; null: it can't say. */
  readonly look: (store: Store, path: Path) => Promise<AppliedPosition | null>;
  /** Between two looks, milliseconds. */
  readonly everyMs: number;
  /** So many may wait for one store; more are told at once that it has not come there. */
  readonly most: number;
  readonly warn: (error: Error, message: string) => void;
  readonly after?: After;
}

interface Waiter {
  readonly until: Token;
  readonly settle: (reached: boolean) => void;
}

interface Place {
  readonly waiters: Set<Waiter>;
  looking: boolean;
}

export class AppliedWatch {
  private readonly places = new Map<string, Place>();

  constructor(private readonly options: WatchOptions) {}

  /** How many wait now. */
  get waiting(): number {
    return [...this.places.values()].reduce((sum, { waiters }) => sum + waiters.size, 0);
  }

  /** True once the store has applied `until`; false after `limitMs`. Never rejects. */
  reached(store: Store, path: Path, until: Token, limitMs: number): Promise<boolean> {
    const place = this.place(store, path);
    if (place.waiters.size >= this.options.most) return Promise.resolve(false);
    return new Promise((resolve) => {
      const waiter: Waiter = {
        until,
        settle: (reached) => {
          cancel();
          place.waiters.delete(waiter);
          resolve(reached);
        },
      };
      const cancel = (this.options.after ?? realAfter)(limitMs, () => waiter.settle(false));
      place.waiters.add(waiter);
      if (!place.looking) void this.lookOn(store, path, place);
    });
  }

  /** A read has shown how far the store is. */
  saw(store: Store, path: Path, applied: AppliedPosition): void {
    const place = this.places.get(`${store}/${path}`);
    if (place === undefined) return;
    for (const waiter of [...place.waiters]) {
      const { until } = waiter;
      if (applied.incarnation === until.incarnation && applied.position >= until.position) waiter.settle(true);
    }
  }

  private place(store: Store, path: Path): Place {
    const id = `${store}/${path}`;
    let place = this.places.get(id);
    if (place === undefined) this.places.set(id, (place = { waiters: new Set(), looking: false }));
    return place;
  }

  private async lookOn(store: Store, path: Path, place: Place): Promise<void> {
    place.looking = true;
    while (place.waiters.size > 0) {
      try {
        const applied = await this.options.look(store, path);
        if (applied !== null) this.saw(store, path, applied);
      } catch (error) {
        this.options.warn(asError(error), `${store} can not be asked how far it is`);
      }
      if (place.waiters.size === 0) break;
      await new Promise<void>((resolve) => void (this.options.after ?? realAfter)(this.options.everyMs, resolve));
    }
    place.looking = false;
  }
}
