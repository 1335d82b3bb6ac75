/** One subscriber's way through the log of events: from the log itself until it has met the feed, then from the feed. */
import { comparePlaces, LAST_ORDINAL, standingOf, type EventPlace } from '../position/event-id.js';
import type { EventFilter, EventPage, StalenessEvent } from '../stores/port.js';
import { PAGE, type EventFeed, type Following } from './feed.js';

type Done = IteratorReturnResult<undefined>;
const DONE: Done = { done: true, value: undefined };

/** Does the event belong to what was asked for? What a filter leaves out takes all. */
export const passes = (
  { store, kind, businessKey, symbol }: EventFilter,
  event: Pick<StalenessEvent, 'store' | 'kind' | 'businessKey' | 'symbol'>,
): boolean =>
  (store === undefined || event.store === store) &&
  (kind === undefined || event.kind === kind) &&
  (businessKey === undefined || event.businessKey === businessKey) &&
  (symbol === undefined || event.symbol === symbol);

/** Ask for one event at a time. */
export class Follower implements AsyncIterableIterator<StalenessEvent, undefined> {
  /** Everything up to it was handed out, or is in `page`. */
  private cursor: EventPlace | null = null;
  private generation = 0;
  /** Read and not handed out yet; bounded by a page. */
  private page: StalenessEvent[] = [];
  private ended = false;
  private live = false;
  /** Since when it is behind the feed's buffer, though it was up to date before. Milliseconds, monotonic. */
  private behindSince: number | null = null;
  private resume: (() => void) | null = null;

  constructor(
    private readonly feed: EventFeed,
    private readonly following: Following,
  ) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Called once, when the feed was read after the subscriber came. */
  async begin(): Promise<void> {
    const { after } = this.following;
    this.generation = this.feed.generation;
    if (after === null) {
      this.cursor = this.feed.head;
      return;
    }
    const bounds = await this.feed.options.log.events({ after, descending: false, limit: 0 });
    const standing = standingOf(after, bounds);
    this.cursor = after;
    if (standing === 'EXPIRED') this.skipTo(bounds.prunedTo, bounds, PRUNED);
    if (standing === 'UNKNOWN') this.skipTo({ position: bounds.clock, ordinal: LAST_ORDINAL }, bounds, REPLACED);
  }

  async next(): Promise<IteratorResult<StalenessEvent, undefined>> {
    for (;;) {
      if (this.ended || this.cursor === null) return DONE;
      const waiting = this.page.shift();
      if (waiting !== undefined) return { done: false, value: waiting };
      if (this.generation !== this.feed.generation) {
        this.generation = this.feed.generation;
        this.skipTo(this.feed.head, this.feed.bounds, REPLACED);
        continue;
      }
      if (comparePlaces(this.cursor, this.feed.floor) < 0) {
        if (this.tooSlow()) return DONE;
        await this.catchUp(this.cursor);
        continue;
      }
      this.live = true;
      this.behindSince = null;
      const event = this.feed.next(this.cursor, (one) => passes(this.following.filter, one));
      if (event !== null) {
        this.cursor = event;
        return { done: false, value: event };
      }
      this.cursor = later(this.cursor, this.feed.head);
      await this.told();
    }
  }

  async return(): Promise<Done> {
    this.end();
    return DONE;
  }

  end(): void {
    this.ended = true;
    this.page = [];
    this.feed.leave(this);
    this.wake();
  }

  /** There may be something new. */
  wake(): void {
    const { resume } = this;
    this.resume = null;
    resume?.();
  }

  private told(): Promise<void> {
    return new Promise((resolve) => {
      this.resume = resolve;
    });
  }

  private tooSlow(): boolean {
    if (!this.live) return false;
    const { monotonicMs, slowMs } = this.feed.options;
    this.behindSince ??= monotonicMs();
    if (monotonicMs() - this.behindSince <= slowMs) return false;
    this.end();
    this.following.tooSlow();
    return true;
  }

  /** The next page of the log, up to where the feed has come. */
  private async catchUp(cursor: EventPlace): Promise<void> {
    const { feed } = this;
    const { generation, head } = feed;
    const { filter } = this.following;
    const query = { ...filter, after: cursor, upTo: head.position, descending: false, limit: PAGE };
    const found = await feed.options.log.events(query).catch(() => null);
    if (this.ended) return;
    if (found === null) {
      // The feed tries again, and wakes this one when it could read.
      feed.retry();
      await this.told();
      return;
    }
    // Of another history than the feed knows: it will notice, and say so.
    if (generation !== feed.generation) return;
    if (found.incarnation !== feed.bounds.incarnation) return feed.refresh().catch(() => feed.retry());
    if (comparePlaces(found.prunedTo, cursor) > 0) this.skipTo(found.prunedTo, found, PRUNED);
    const { events } = found;
    this.page.push(...events);
    this.cursor = events.length === PAGE ? events.at(-1)! : { position: head.position, ordinal: LAST_ORDINAL };
  }

  /** What lies between is not to be had: said, not skipped. */
  private skipTo(place: EventPlace, bounds: EventPage, message: string): void {
    this.page = [gap(place, bounds, message)];
    this.cursor = place;
  }
}

const PRUNED = 'Events before this one have been removed by retention: read anew what you know, then go on.';
const REPLACED =
  'Postgres was restored from a copy: what was told before may not have happened. Read anew what you know, then go on.';

const later = (a: EventPlace, b: EventPlace): EventPlace => (comparePlaces(a, b) >= 0 ? a : b);

/** An event that no table holds: what it says is of one subscriber. Its id is a place from which to go on. */
const gap = ({ position, ordinal }: EventPlace, bounds: EventPage, message: string): StalenessEvent => ({
  position,
  ordinal,
  incarnation: bounds.incarnation,
  type: 'GAP',
  at: bounds.clockAt,
  store: null,
  pipeline: null,
  run: null,
  engine: null,
  kind: null,
  businessKey: null,
  symbol: null,
  levelBefore: null,
  levelAfter: null,
  reasons: [],
  message,
});
