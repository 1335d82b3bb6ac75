/** Lab mode: the runs of the lab on this machine, each with its verdict and its report. */
import type { ReactNode } from 'react';
import { useLive } from '../live.js';
import { RUNS, type LabRun, type RunsData } from '../queries.js';
import { Figures } from '../ui/status.js';
import { verdictInWords } from '../words.js';

const COLUMNS = ['Run', 'Verdict', 'False', 'Claims', 'Faults', 'Minutes', 'Began', 'Seed', 'Commit'] as const;

export function RunsPage(): ReactNode {
  const live = useLive<RunsData>(RUNS);
  const runs = live.data?.labRuns ?? null;
  return (
    <>
      <p className="lead">
        Runs of <code>npx tidemark lab run</code> on this machine: servers of their own, broken under load, and each
        claim that was read meanwhile held against what had happened. A report is one page that needs nothing else.
      </p>
      <Figures live={live}>
        {runs?.length === 0 && <p className="empty">There is none yet.</p>}
        {runs !== null && runs.length > 0 && (
          <div className="scroll" tabIndex={0} role="region" aria-label="Runs">
            <table>
              <thead>
                <tr>
                  {COLUMNS.map((name) => (
                    <th key={name} scope="col">
                      {name}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {runs.map((run) => (
                  <RunRow key={run.id} run={run} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Figures>
    </>
  );
}

function RunRow({ run }: { readonly run: LabRun }): ReactNode {
  const { id, what, date, seed, commit, minutes, faults, claims, falseClaims } = run;
  return (
    <tr>
      <th scope="row">
        <a href={`../lab/runs/${encodeURIComponent(id)}`} target="_blank" rel="noreferrer">
          {what}
          <span className="hidden"> (report, in a new tab)</span>
        </a>
      </th>
      <td>{verdictInWords(run)}</td>
      <td>{falseClaims}</td>
      <td>{claims}</td>
      <td>{faults}</td>
      <td>{minutes.toFixed(1)}</td>
      <td>
        <time dateTime={date}>{date.slice(0, 16).replace('T', ' ')}</time>
      </td>
      <td>{seed}</td>
      <td>
        <code>{commit.slice(0, 8)}</code>
      </td>
    </tr>
  );
}
