/** How old what is shown is, and what went wrong: said, not hidden. */
import type { ReactNode } from 'react';
import { duration } from '../age.js';
import type { Polled } from '../live.js';
import { troubleOf } from '../trouble.js';

/** Around figures: they fade when they are old, and the sentence above says how old. */
export function Figures({
  live,
  children,
}: {
  readonly live: Polled<unknown>;
  readonly children: ReactNode;
}): ReactNode {
  const { freshness } = live;
  return (
    <>
      <Status live={live} />
      <div className={freshness === 'old' || freshness === 'paused' ? 'figures old' : 'figures'}>{children}</div>
    </>
  );
}

function Status({ live }: { readonly live: Polled<unknown> }): ReactNode {
  const { freshness, ageMs } = live;
  const trouble = troubleOf(live.error, live.data !== null && freshness === 'fresh');
  const age = ageMs === null ? null : duration(ageMs);
  return (
    <div className={`status ${trouble === null ? freshness : 'trouble'}`}>
      {/* What is told aloud changes with the state, not with each second. */}
      <p role="status" className={trouble === null && freshness === 'fresh' ? 'hidden' : undefined}>
        {trouble !== null && `✗ ${trouble.message} `}
        {freshness === 'old' && 'The figures below are old.'}
        {freshness === 'paused' && 'Updates are paused: the figures below stay as they were.'}
        {freshness === 'waiting' && trouble === null && 'Asking the server …'}
        {freshness === 'fresh' && trouble === null && 'The figures are live.'}
      </p>
      <p className="age">{age === null ? 'no figures yet' : `asked for ${age} ago`}</p>
    </div>
  );
}
