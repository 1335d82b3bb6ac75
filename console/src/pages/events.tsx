import type { ReactNode } from 'react';
import { clockTime } from '../age.js';
import { useLive } from '../live.js';
import { EVENTS, type EventsData, type StalenessEvent } from '../queries.js';
import { hashOf } from '../route.js';
import { subjectOf } from '../summary.js';
import { Level } from '../ui/contract.js';
import { Figures } from '../ui/status.js';
import { typeInWords } from '../words.js';
import { Choice } from './keys.js';

const COUNT = 100;

export function EventsPage({ query }: { readonly query: Readonly<Record<string, string>> }): ReactNode {
  const live = useLive<EventsData>(EVENTS, { count: COUNT });
  const events = (live.data?.stalenessEvents?.edges ?? []).map(({ node }) => node).reverse();
  const types = [...new Set(events.map(({ type }) => type))].sort();
  const { type = '' } = query;
  const shown = events.filter((event) => type === '' || event.type === type);
  const options = type === '' || types.includes(type) ? types : [...types, type];
  return (
    <>
      <p className="lead">
        What happened to how far results can be trusted, the newest first: durable, in one order, once per transition.
        The last {COUNT} are shown.
      </p>
      <form className="fields" aria-label="Which events" onSubmit={(event) => event.preventDefault()}>
        <Choice
          label="What happened"
          value={type}
          onChange={(event) => window.location.replace(hashOf({ page: 'events', query: { type: event.target.value } }))}
          options={[['', 'Anything'], ...options.map((each) => [each, typeInWords(each)] as const)]}
        />
      </form>
      <Figures live={live}>
        {live.data !== null && shown.length === 0 && <p className="empty">Nothing has happened.</p>}
        <ol className="events" reversed>
          {shown.map((event) => (
            <EventItem key={event.id} event={event} />
          ))}
        </ol>
      </Figures>
    </>
  );
}

function EventItem({ event }: { readonly event: StalenessEvent }): ReactNode {
  const { at, type, kind, businessKey, levelBefore, levelAfter, message } = event;
  const subject = subjectOf(event);
  return (
    <li>
      <p className="what">
        <time dateTime={at}>{clockTime(at)}</time> <strong>{typeInWords(type)}</strong>{' '}
        {kind !== null && businessKey !== null ? (
          <a href={hashOf({ page: 'key', query: { kind, key: businessKey } })}>{subject}</a>
        ) : (
          <span>{subject}</span>
        )}
      </p>
      {(levelBefore !== null || levelAfter !== null) && (
        <p className="move">
          {levelBefore === null ? 'new' : <Level level={levelBefore} />} →{' '}
          {levelAfter === null ? 'none' : <Level level={levelAfter} />}
        </p>
      )}
      <p className="message">{message}</p>
    </li>
  );
}
