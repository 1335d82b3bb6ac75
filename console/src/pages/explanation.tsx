/** Why a result has its level, and what has to happen for a higher one: the server's own words. */
import type { ReactNode } from 'react';
import { useLive } from '../live.js';
import { EXPLAIN, type AppliedRule, type ExplainData, type Explanation } from '../queries.js';
import { Level } from '../ui/contract.js';
import { Figures } from '../ui/status.js';
import { ACTORS, ENGINE_NAMES, reproducedInWords, typeInWords } from '../words.js';

export function Explanations({
  kind,
  businessKey,
}: {
  readonly kind: string;
  readonly businessKey: string;
}): ReactNode {
  const live = useLive<ExplainData>(EXPLAIN, { kind, key: businessKey });
  const { flink, kafkaOnly } = live.data ?? { flink: null, kafkaOnly: null };
  const explained = [flink, kafkaOnly].filter((one) => one !== null);
  return (
    <section aria-labelledby="why">
      <h2 id="why">Why it has its level</h2>
      <Figures live={live}>
        <div className="cards wide">
          {explained.map((one) => (
            <Card key={one.engine} explanation={one} />
          ))}
        </div>
      </Figures>
    </section>
  );
}

function Card({ explanation }: { readonly explanation: Explanation }): ReactNode {
  const { engine, present, contract, decidedBy, rules, toHigh, highNotBefore, reproduced, history } = explanation;
  const id = `why-${engine}`;
  return (
    <section className="panel" aria-labelledby={id}>
      <h3 id={id}>
        {ENGINE_NAMES[engine] ?? engine} {!present && <span className="state">has none</span>}
      </h3>
      <p>
        <Level level={contract.confidenceLevel} />
      </p>
      {decidedBy !== null && (
        <p>
          {decidedBy.decision} <code>{decidedBy.scenario}</code>
        </p>
      )}
      <h4>What has to happen for HIGH</h4>
      {toHigh.length === 0 ? (
        <p className="quiet">Nothing.</p>
      ) : (
        <ul className="reasons">
          {toHigh.map(({ reason, by, what }) => (
            <li key={`${reason.code} ${by}`}>
              {what} <span className="quiet">{ACTORS[by] ?? by}</span> <code>{reason.code}</code>
            </li>
          ))}
        </ul>
      )}
      {highNotBefore !== null && <p className="quiet">Not before {highNotBefore}.</p>}
      <details>
        <summary>Every rule that held, and what happened to its level</summary>
        <ul className="reasons">
          {rules.map((rule) => (
            <li key={`${rule.stage} ${rule.scenario} ${rule.reason?.code ?? ''}`}>{ruleInWords(rule)}</li>
          ))}
        </ul>
        <ol className="reasons">
          {(history?.changes ?? []).map(({ id: event, type, at, message }) => (
            <li key={event}>
              {at} {typeInWords(type)}: {message}
            </li>
          ))}
        </ol>
      </details>
      <p className="quiet">{reproducedInWords(reproduced)}</p>
    </section>
  );
}

const ruleInWords = ({ stage, scenario, decision, holds }: AppliedRule): string =>
  `${stage === 'WRITE' ? 'When written' : 'When read'}: ${scenario}: ${decision}${holds ? '' : ' (no longer)'}`;
