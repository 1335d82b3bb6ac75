/** Staleness events, in the transaction that they happen in. */
import type { ClientBase } from 'pg';
import { writeDecided } from '../decision/decided.js';
import { EVENTS_CHANNEL } from '../position/channels.js';
import type { NewEvent } from '../staleness/transitions.js';
import type { Tick } from './port.js';

/** Written with the clock held, so that (position, ordinal) is the order in which they can be read. */
export async function writeEvents(client: ClientBase, tick: Tick, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  const column = <K extends keyof NewEvent>(name: K): NewEvent[K][] => events.map((event) => event[name]);
  await client.query({
    name: 'write-events',
    // A run that has announced itself in another result partition before is not news.
    text: `with written as (
           insert into staleness_events (position, ordinal, committed_at_us, incarnation, store, type, pipeline, run, engine, kind,
             business_key, symbol, level_before, level_after, reasons, message, decided)
           select $1, e.ordinal, $2, $14, e.store, e.type, e.pipeline, e.run, e.engine, e.kind, e.business_key, e.symbol,
             e.level_before, e.level_after, array(select json_array_elements_text(e.reasons::json)), e.message, e.decided
           from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
             $12::text[], $13::text[], $15::text[], $16::text[]) with ordinality
             as e(type, pipeline, run, engine, kind, business_key, symbol, level_before, level_after, reasons, message, store, decided, ordinal)
           on conflict (pipeline, run) where type = 'RUN_STARTED' do nothing returning 1)
           select pg_notify('${EVENTS_CHANNEL}', '') where exists (select from written)`,
    values: [
      tick.position,
      tick.committedAt,
      column('type'),
      column('pipeline'),
      column('run'),
      column('engine'),
      column('kind'),
      column('businessKey'),
      column('symbol'),
      column('levelBefore'),
      column('levelAfter'),
      events.map(({ reasons }) => JSON.stringify(reasons)),
      column('message'),
      tick.incarnation,
      events.map(({ store }) => store ?? null),
      events.map(({ decided }) => (decided == null ? null : writeDecided(decided))),
    ],
  });
}
