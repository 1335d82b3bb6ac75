/** Orders of somebody's own, of symbols that nobody else uses. */
import { eventId } from '../../generator/stream.js';

const WINDOW_MS = 300_000;

export interface OwnOrder {
  readonly symbol: string;
  /** Of the event; default: now. */
  readonly at?: Date;
  readonly quantity?: number;
}

/** Its creation. The same order id is the same event: sent again it is a duplicate. */
export function created(orderId: string, { symbol, at = new Date(), quantity = 1 }: OwnOrder): Message {
  const time = at.toISOString();
  const event = {
    event_id: eventId(orderId),
    order_id: orderId,
    symbol,
    side: 'BUY',
    quantity,
    price: '100',
    status: 'PENDING',
    op: 'c',
    event_time: time,
    produce_time: time,
    version: 1,
  };
  return { key: symbol, value: JSON.stringify(event) };
}

export interface Message {
  readonly key: string;
  readonly value: string;
}

/** Business key of the window that an event of that time belongs to. */
export const windowOf = (symbol: string, at: Date): string =>
  `${symbol}@${new Date(Math.floor(at.getTime() / WINDOW_MS) * WINDOW_MS).toISOString()}`;
