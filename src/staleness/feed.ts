/**
 * Events to many subscribers of one server, each from where it wants (docs/adr/0016). What is new is read once, when Postgres says
 * that there is something, into a bounded buffer; who is not as far, or fell behind it, reads the log itself, page by page, so that a
 * subscriber holds a place in the order and at most one page, however slow it is.
 */
import { comparePlaces, LAST_ORDINAL, type EventId, type EventPlace } from '../position/event-id.js';
import { realAfter, type After } from '../timers.js';
import type { EventFilter, EventPage, EventReader, StalenessEvent } from '../stores/port.js';
import { Follower } from './follower.js';

/** Of one read of the log. */
export const PAGE = 500;

export interface Listening {
  stop(): Promise<void>;
}

export interface FeedOptions {
  readonly log: EventReader;
  /** Calls `told` whenever there may be something new: after each commit that wrote events, and after each time of not listening. */
  readonly listen: (told: () => void) => Listening;
  /** Events that are kept for all subscribers together. */
  readonly buffer: number;
  /** A subscriber that was up to date and has been behind the buffer for so long is too slow. Milliseconds. */
  readonly slowMs: number;
  readonly monotonicMs: () => number;
  readonly warn: (error: unknown, message: string) => void;
  readonly after?: After;
}

export interface Following {
  /** null: what happens from now on. */
  readonly after: EventId | null;
  readonly filter: EventFilter;
  /** Called once; no event follows. */
  readonly tooSlow: () => void;
}

/** After an error the log is read again so soon. Milliseconds. */
const RETRY_MS = 1_000;

const endOf = ({ clock }: EventPage): EventPlace => ({ position: clock, ordinal: LAST_ORDINAL });

export class EventFeed {
  /** Everything in (floor, head], ascending; null: nobody has asked yet, or nobody is left. */
  private known: { floor: EventPlace; head: EventPlace; page: EventPage } | null = null;
  private events: StalenessEvent[] = [];
  /** One more whenever the places of before say nothing any more. */
  generation = 0;
  private readonly followers = new Set<Follower>();
  private listening: Listening | null = null;
  private running: Promise<void> | null = null;
  private queued: Promise<void> | null = null;
  private closed = false;
  private cancelRetry = (): void => undefined;

  constructor(readonly options: FeedOptions) {}

  get subscribers(): number {
    return this.followers.size;
  }

  get floor(): EventPlace {
    return this.state.floor;
  }

  get head(): EventPlace {
    return this.state.head;
  }

  /** The page that was read last. */
  get bounds(): EventPage {
    return this.state.page;
  }

  private get state(): NonNullable<EventFeed['known']> {
    if (this.known === null) throw new Error('the feed was not read yet');
    return this.known;
  }

  /** @throws AppError STORE_UNAVAILABLE: the log can't be read now */
  async follow(following: Following): Promise<Follower> {
    const follower = new Follower(this, following);
    // Before the first read: whatever is read from now on wakes it.
    this.followers.add(follower);
    try {
      this.listening ??= this.options.listen(() => this.told());
      await this.refresh();
      await follower.begin();
      return follower;
    } catch (error) {
      this.leave(follower);
      throw error;
    }
  }

  leave(follower: Follower): void {
    this.followers.delete(follower);
    if (this.followers.size > 0) return;
    // Nobody reads on; who comes next begins where the clock stands then.
    this.known = null;
    this.events = [];
  }

  /** Ends all subscriptions. */
  async close(): Promise<void> {
    this.closed = true;
    this.cancelRetry();
    for (const follower of [...this.followers]) follower.end();
    await this.listening?.stop();
    await this.running?.catch(() => undefined);
  }

  /** Resolves when a read that was sent after this call has been taken in. */
  refresh(): Promise<void> {
    if (this.running === null) return this.start();
    this.queued ??= this.running.then(
      () => this.start(),
      () => this.start(),
    );
    return this.queued;
  }

  /** The first kept event after the place that the filter lets through. */
  next(after: EventPlace, wanted: (event: StalenessEvent) => boolean): StalenessEvent | null {
    let low = 0;
    let high = this.events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (comparePlaces(this.events[middle]!, after) <= 0) low = middle + 1;
      else high = middle;
    }
    for (let i = low; i < this.events.length; i++) {
      const event = this.events[i]!;
      if (wanted(event)) return event;
    }
    return null;
  }

  private told(): void {
    if (this.followers.size === 0 || this.closed) return;
    this.refresh().catch((error: unknown) => {
      this.options.warn(error, 'new events could not be read: they are read again');
      this.retry();
    });
  }

  /** For followers, too, whose own read failed. */
  retry(): void {
    this.cancelRetry();
    if (!this.closed) this.cancelRetry = (this.options.after ?? realAfter)(RETRY_MS, () => this.told());
  }

  private start(): Promise<void> {
    this.queued = null;
    const mine = this.read().finally(() => {
      if (this.running === mine) this.running = null;
    });
    this.running = mine;
    return mine;
  }

  private async read(): Promise<void> {
    const { log } = this.options;
    for (;;) {
      const { known } = this;
      const page = await log.events(
        known === null ? { descending: false, limit: 0 } : { after: known.head, descending: false, limit: PAGE },
      );
      if (this.followers.size === 0) return;
      const more = this.take(page);
      for (const follower of this.followers) follower.wake();
      if (!more) return;
    }
  }

  /** @returns is there more to read? */
  private take(page: EventPage): boolean {
    const { known } = this;
    if (known === null) {
      this.known = { floor: endOf(page), head: endOf(page), page };
      return false;
    }
    const replaced = page.incarnation !== known.page.incarnation || page.clock < known.page.clock;
    if (replaced || comparePlaces(page.prunedTo, known.head) > 0) {
      this.events = [];
      this.known = { floor: endOf(page), head: endOf(page), page };
      this.generation++;
      return false;
    }
    const more = page.events.length === PAGE;
    for (const event of page.events) this.events.push(event);
    known.head = more ? page.events.at(-1)! : endOf(page);
    known.page = page;
    this.trim();
    return more;
  }

  private trim(): void {
    const surplus = this.events.length - this.options.buffer;
    if (surplus <= 0) return;
    this.state.floor = this.events[surplus - 1]!;
    this.events = this.events.slice(surplus);
  }
}
