import type { ReactNode } from 'react';
import { duration, number, stalenessNow } from '../age.js';
import { useLive } from '../live.js';
import { STORES, type ServerInfo, type StoresData, type StoreStatus } from '../queries.js';
import type { Sample } from '../samples.js';
import { storesInWords } from '../summary.js';
import { SmallPlot } from '../ui/plot.js';
import { Figures } from '../ui/status.js';
import { useSamples } from '../use-samples.js';
import { STORE_NAMES } from '../words.js';

/** The plot reaches one second at least: below that nothing is wrong. */
const LEAST_MS = 1_000;

export function StoresPage(): ReactNode {
  const live = useLive<StoresData>(STORES);
  const history = useSamples(live, ({ stores }) =>
    Object.fromEntries((stores ?? []).map(({ store, stalenessMs }) => [store, stalenessMs])),
  );
  const { data, ageMs } = live;
  const stores = data?.stores ?? null;
  return (
    <>
      <p className="lead">
        Postgres decides what is true; each accepted transaction has a <em>position</em>. The other three follow by
        change data capture. Staleness is an upper bound of how old what a store holds may be.
      </p>
      <Figures live={live}>
        <p role="status" className="summary">
          {stores === null ? '' : storesInWords(stores)}
        </p>
        {data?.serverInfo != null && <Server info={data.serverInfo} />}
        <div className="cards">
          {(stores ?? []).map((status) => (
            <StoreCard key={status.store} status={status} ageMs={ageMs ?? 0} samples={history[status.store] ?? []} />
          ))}
        </div>
      </Figures>
    </>
  );
}

function Server({ info }: { readonly info: ServerInfo }): ReactNode {
  return (
    <dl className="strip">
      <div>
        <dt>Accepted position</dt>
        <dd className="figure">{number(info.position) ?? 'unknown'}</dd>
      </div>
      <div>
        <dt>Incarnation</dt>
        <dd>
          <code>{info.incarnation ?? 'unknown'}</code>
        </dd>
      </div>
      <div>
        <dt>Version</dt>
        <dd>{info.version}</dd>
      </div>
    </dl>
  );
}

interface CardProps {
  readonly status: StoreStatus;
  /** Of the answer. */
  readonly ageMs: number;
  readonly samples: readonly Sample[];
}

function StoreCard({ status, ageMs, samples }: CardProps): ReactNode {
  const { store, healthy, appliedPosition, behindBy, detail } = status;
  const name = STORE_NAMES[store] ?? store;
  const staleness = stalenessNow(status.stalenessMs, ageMs);
  return (
    <section className="panel" aria-labelledby={`store-${store}`}>
      <h2 id={`store-${store}`}>
        {name} <span className={healthy ? 'state good' : 'state bad'}>{healthy ? '✓ healthy' : '✗ not healthy'}</span>
      </h2>
      <dl className="pairs">
        <div>
          <dt>Staleness</dt>
          <dd className="figure">{staleness === null ? 'unknown' : `≤ ${duration(staleness)}`}</dd>
        </div>
        <div>
          <dt>Position</dt>
          <dd className="figure">{number(appliedPosition) ?? 'unknown'}</dd>
        </div>
        <div>
          <dt>Changes behind</dt>
          <dd className="figure">{number(behindBy) ?? 'unknown'}</dd>
        </div>
      </dl>
      <SmallPlot
        name={`Staleness of ${name}`}
        samples={samples}
        nowMs={performance.now()}
        least={LEAST_MS}
        show={duration}
      />
      {detail !== null && <p className="detail">{detail}</p>}
    </section>
  );
}
