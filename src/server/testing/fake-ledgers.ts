/** A fake of what Postgres and the raw log hold beside the results. */
import type { LocatedEvent } from '../../resolvers/context.js';
import { comparePlaces as compare, type EventPlace } from '../../position/event-id.js';
import { micros, position, type Position } from '../../position/position.js';
import type {
  DeadLetterDesk,
  DeadLetterReader,
  EventPage,
  EventQuery,
  EventReader,
  HistoryPage,
  HistoryQuery,
  HistoryReader,
  StalenessEvent,
  StoredDeadLetter,
} from '../../stores/port.js';

export class FakeLedgers implements EventReader, HistoryReader, DeadLetterReader, DeadLetterDesk {
  stalenessEvents: StalenessEvent[] = [];
  letters: StoredDeadLetter[] = [];
  located: LocatedEvent[] = [];
  readonly replayed: { readonly ids: readonly bigint[]; readonly payload: string | undefined }[] = [];
  prunedTo: EventPlace = { position: position(0), ordinal: 0 };
  clock: Position = position(100);
  incarnation = 'aaaaaaaa-0000-4000-8000-000000000000';
  gate: Promise<void> = Promise.resolve();
  failure: Error | null = null;

  private readonly listeners = new Map<() => void, string>();

  /** What Postgres tells on commit. */
  tell(channel: string): void {
    for (const [told, on] of this.listeners) if (on === channel) told();
  }

  listen(channel: string, told: () => void): { stop(): Promise<void> } {
    this.listeners.set(told, channel);
    return { stop: async () => void this.listeners.delete(told) };
  }

  async events({ store, kind, businessKey, symbol, after, upTo, descending, limit }: EventQuery): Promise<EventPage> {
    await this.answering();
    const turned = [...this.stalenessEvents].sort((a, b) => (descending ? -compare(a, b) : compare(a, b)));
    const events = turned
      .filter((event) => kind === undefined || event.kind === kind)
      .filter((event) => businessKey === undefined || event.businessKey === businessKey)
      .filter((event) => store === undefined || event.store === store)
      .filter((event) => upTo === undefined || event.position <= upTo)
      .filter((event) => symbol === undefined || event.symbol === symbol)
      .filter((event) => after === undefined || (descending ? compare(event, after) < 0 : compare(event, after) > 0));
    const { prunedTo, clock, incarnation } = this;
    const at = this.stalenessEvents.find((event) => after !== undefined && compare(event, after) === 0) ?? null;
    return {
      events: events.slice(0, limit),
      prunedTo,
      clock,
      clockAt: micros(Number(clock) * 1_000_000),
      incarnation,
      at,
    };
  }

  async history({ kind, businessKey, engine, pipeline, store, limit }: HistoryQuery): Promise<HistoryPage> {
    await this.answering();
    const own = this.stalenessEvents.filter((event) =>
      event.businessKey === null
        ? event.pipeline === pipeline || (store !== undefined && (event.store === store || event.pipeline === null))
        : event.businessKey === businessKey && event.kind === kind && event.engine === engine,
    );
    const events = own.sort((a, b) => compare(b, a)).map((event) => ({ ...event, decided: null }));
    return { events: events.slice(0, limit), prunedTo: this.prunedTo };
  }

  async deadLetters({
    state,
    ids,
    after,
    limit,
  }: {
    state?: string;
    ids?: readonly bigint[];
    after?: bigint;
    limit: number;
  }) {
    await this.answering();
    return this.letters
      .filter((letter) => ids?.includes(letter.id) ?? true)
      .filter((letter) => (state === undefined || letter.state === state) && (after === undefined || letter.id < after))
      .sort((a, b) => (a.id > b.id ? -1 : 1))
      .slice(0, limit);
  }

  async replay(ids: readonly bigint[], payload?: string): Promise<void> {
    await this.answering();
    this.replayed.push({ ids, payload });
    this.close(ids, 'REPLAYED');
  }

  async dismiss(ids: readonly bigint[]): Promise<void> {
    await this.answering();
    this.close(ids, 'DISMISSED');
  }

  private close(ids: readonly bigint[], state: string): void {
    this.letters = this.letters.map((letter) =>
      ids.includes(letter.id) && letter.state === 'OPEN' ? { ...letter, state } : letter,
    );
  }

  async locate(ids: readonly string[]): Promise<readonly LocatedEvent[]> {
    await this.answering();
    return this.located.filter(({ eventId }) => ids.includes(eventId));
  }

  private async answering(): Promise<void> {
    await this.gate;
    if (this.failure !== null) throw this.failure;
  }
}
