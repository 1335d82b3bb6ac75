/** Lab mode: what can be broken, and what is. Everything else of the console shows what comes of it. */
import { useState, type ReactNode } from 'react';
import { useLive, useSurroundings } from '../live.js';
import { FAULTS, HEAL, INJECT, type FaultsData, type LabFault } from '../queries.js';
import { troubleOf } from '../trouble.js';
import { Figures } from '../ui/status.js';
import { faultGroups, faultInWords } from '../words.js';

export function FaultsPage(): ReactNode {
  const live = useLive<FaultsData>(FAULTS);
  const { client } = useSurroundings();
  const [refused, setRefused] = useState<string | null>(null);
  const faults = live.data?.faults ?? null;
  const on = faults?.find(({ state }) => state !== 'OFF') ?? null;
  const ask = (mutation: typeof INJECT, name: string): void => {
    setRefused(null);
    client
      .mutate({ mutation, variables: { name }, fetchPolicy: 'no-cache' })
      .catch((error: unknown) => setRefused(troubleOf(error, false)?.message ?? null));
  };
  return (
    <>
      <p className="lead">
        Break something, then look at the other pages: what each store and engine still claims, and what it no longer
        does. One at a time; each mends itself after a while.
      </p>
      <Figures live={live}>
        <p role="status" className="summary">
          {faults === null ? '' : on === null ? '✓ Nothing is broken.' : `✗ ${faultInWords(on)}`}
        </p>
        {refused !== null && <p role="alert">✗ {refused}</p>}
        {faults?.length === 0 && <p className="empty">The servers are still starting.</p>}
        <div className="cards wide">
          {faultGroups(faults ?? []).map(([victim, own]) => (
            <section key={victim} className="panel" aria-labelledby={`faults-${victim}`}>
              <h2 id={`faults-${victim}`}>{victim}</h2>
              <ul className="faults">
                {own.map((fault) => (
                  <li key={fault.name}>
                    <FaultSwitch fault={fault} another={on !== null && on.name !== fault.name} ask={ask} />
                  </li>
                ))}
              </ul>
            </section>
          ))}
        </div>
      </Figures>
    </>
  );
}

interface SwitchProps {
  readonly fault: LabFault;
  /** Another one is on. */
  readonly another: boolean;
  readonly ask: (mutation: typeof INJECT, name: string) => void;
}

function FaultSwitch({ fault, another, ask }: SwitchProps): ReactNode {
  const { name, state, error } = fault;
  const off = state === 'OFF';
  return (
    <>
      <span className={off ? 'state' : 'state bad'}>{faultInWords(fault)}</span>
      {off ? (
        <button type="button" disabled={another} onClick={() => ask(INJECT, name)}>
          Break <span className="hidden">{name}</span>
        </button>
      ) : (
        <button type="button" disabled={state === 'HEALING'} onClick={() => ask(HEAL, name)}>
          Mend <span className="hidden">{name}</span>
        </button>
      )}
      {error !== null && <p className="quiet">✗ {error}</p>}
    </>
  );
}
