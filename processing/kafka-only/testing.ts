import type { OrderEvent } from './wire.js';
import type { StartPosition } from './position.js';
import { iso, type SourceRecord } from '../../fold/settings.js';

export { SETTINGS } from '../../fold/test-support/settings.js';

/** Start of a window. */
export const T0 = Date.parse('2026-01-05T09:00:00.000Z');

export const startAt = (startOffset: number, before: Partial<StartPosition['before']> = {}): StartPosition => ({
  partition: 0,
  startOffset,
  logStartOffset: 0,
  before: { complete: true, maxEventTimeMs: null, poisonUntilMs: null, poisonOffset: null, ...before },
});

let ids = 0;

export function event(overrides: Partial<OrderEvent> & { readonly atMs?: number } = {}): OrderEvent {
  const { atMs = T0, ...fields } = overrides;
  const n = ++ids;
  return {
    event_id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    order_id: `o-${n}`,
    symbol: 'G000',
    side: 'BUY',
    quantity: 1,
    price: '100',
    status: 'PENDING',
    op: 'c',
    event_time: iso(atMs),
    produce_time: iso(atMs),
    version: 1,
    ...fields,
  };
}

export const record = (
  offset: number,
  value: OrderEvent | string | null,
  key: string | null = null,
  appendTimeMs = T0,
): SourceRecord => ({
  offset,
  key: key ?? (typeof value === 'object' && value !== null ? value.symbol : null),
  value: value === null ? null : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
  appendTimeMs,
});
