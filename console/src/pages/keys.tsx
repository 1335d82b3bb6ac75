import { useId, type ChangeEvent, type ReactNode } from 'react';
import { CONFIDENCE_LEVELS, type ConfidenceLevel } from '../../../client/index.js';
import { useLive } from '../live.js';
import { KEYS, type KeysData, type KeysVariables, type ResultNode } from '../queries.js';
import { hashOf } from '../route.js';
import { countsInWords, countsOf, resultsOf, valueInWords, type Counts } from '../rows.js';
import { agedContract, Level, Reasons, stalenessText } from '../ui/contract.js';
import { Figures } from '../ui/status.js';
import { ENGINE_NAMES, isLevel, KIND_NAMES, KINDS, LEVELS, STORE_NAMES } from '../words.js';

const PER_ENGINE = 50;

interface Filter {
  readonly kind: (typeof KINDS)[number];
  readonly engine: string;
  readonly level: string;
  readonly symbol: string;
}

/** What the address says; what it doesn't know is left open. */
function filterOf(query: Readonly<Record<string, string>>): Filter {
  const { engine = '', level = '', symbol = '' } = query;
  return {
    kind: KINDS.find((kind) => kind === query['kind']) ?? 'order_window',
    engine: engine in ENGINE_NAMES ? engine : '',
    level: isLevel(level) ? level : '',
    symbol,
  };
}

export function KeysPage({ query }: { readonly query: Readonly<Record<string, string>> }): ReactNode {
  const filter = filterOf(query);
  const variables: KeysVariables = {
    symbol: filter.symbol === '' ? null : filter.symbol,
    count: PER_ENGINE,
    flink: filter.engine !== 'KAFKA_ONLY',
    kafkaOnly: filter.engine !== 'FLINK',
  };
  const live = useLive<KeysData>(KEYS[filter.kind], { ...variables });
  const rows = (live.data === null ? [] : resultsOf(live.data)).map((node) => ({
    node,
    contract: agedContract(node.shown),
  }));
  const counts = countsOf(rows.map(({ contract }) => contract.confidenceLevel));
  const shown = rows.filter(({ contract }) => filter.level === '' || contract.confidenceLevel === filter.level);
  return (
    <>
      <p className="lead">
        The newest {PER_ENGINE} results of each engine, as any application gets them, each with its contract: how far it
        can be trusted, and why not further.
      </p>
      <Filters filter={filter} />
      <Figures live={live}>
        {live.data !== null && <Shares counts={counts} total={rows.length} />}
        {live.data !== null && shown.length === 0 && <p className="empty">No result fits.</p>}
        {/* The roles are said: on a phone, where rows are shown as cards, browsers would drop them. */}
        {shown.length > 0 && (
          <div className="scroll" role="region" aria-label="Results" tabIndex={0}>
            <table className="results" role="table">
              <thead role="rowgroup">
                <tr role="row">
                  <th scope="col" role="columnheader">
                    Confidence
                  </th>
                  <th scope="col" role="columnheader">
                    Key
                  </th>
                  <th scope="col" role="columnheader">
                    Engine
                  </th>
                  <th scope="col" role="columnheader">
                    Value
                  </th>
                  <th scope="col" role="columnheader">
                    Served by
                  </th>
                  <th scope="col" role="columnheader">
                    Why not HIGH
                  </th>
                </tr>
              </thead>
              <tbody role="rowgroup">
                {shown.map(({ node }) => (
                  <ResultRow key={`${node.engine} ${node.businessKey}`} node={node} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Figures>
    </>
  );
}

function ResultRow({ node }: { readonly node: ResultNode }): ReactNode {
  const contract = agedContract(node.shown);
  return (
    <tr role="row">
      <td role="cell" data-label="Confidence">
        <Level level={contract.confidenceLevel} />
      </td>
      <th scope="row" role="rowheader" data-label="Key">
        <a href={hashOf({ page: 'key', query: { kind: node.kind, key: node.businessKey } })}>{node.businessKey}</a>
      </th>
      <td role="cell" data-label="Engine">
        {ENGINE_NAMES[node.engine] ?? node.engine}
      </td>
      <td role="cell" data-label="Value">
        {valueInWords(node)}
        {!node.final && <span className="quiet"> (open)</span>}
      </td>
      <td role="cell" data-label="Served by">
        {STORE_NAMES[node.shown.servedBy] ?? node.shown.servedBy}, {stalenessText(contract.stalenessMs)}
        {contract.stale && ' (stale)'}
      </td>
      <td role="cell" data-label="Why not HIGH">
        <Reasons codes={contract.reasons} field={node.shown} />
      </td>
    </tr>
  );
}

function Shares({ counts, total }: { readonly counts: Counts; readonly total: number }): ReactNode {
  if (total === 0) return null;
  return (
    <div className="shares">
      <p>{countsInWords(counts, (level) => LEVELS[level].name)}</p>
      <div className="bar" aria-hidden="true">
        {CONFIDENCE_LEVELS.map((level) => (
          <span key={level} className={level.toLowerCase()} style={{ flexGrow: counts[level] }} />
        ))}
      </div>
    </div>
  );
}

function Filters({ filter }: { readonly filter: Filter }): ReactNode {
  const change = (name: keyof Filter) => (event: ChangeEvent<HTMLSelectElement | HTMLInputElement>) =>
    window.location.replace(hashOf({ page: 'keys', query: { ...filter, [name]: event.target.value } }));
  const levels = CONFIDENCE_LEVELS.map((level: ConfidenceLevel) => [level, LEVELS[level].name] as const);
  return (
    <form className="fields" aria-label="Which results" onSubmit={(event) => event.preventDefault()}>
      <Choice
        label="Kind"
        value={filter.kind}
        onChange={change('kind')}
        options={KINDS.map((kind) => [kind, KIND_NAMES[kind] ?? kind] as const)}
      />
      <Choice
        label="Engine"
        value={filter.engine}
        onChange={change('engine')}
        options={[['', 'Both'], ...Object.entries(ENGINE_NAMES)]}
      />
      <Choice label="Confidence" value={filter.level} onChange={change('level')} options={[['', 'Any'], ...levels]} />
      <SymbolField value={filter.symbol} onChange={change('symbol')} />
    </form>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, text: string])[];
  readonly onChange: (event: ChangeEvent<HTMLSelectElement>) => void;
}

export function Choice({ label, value, options, onChange }: ChoiceProps): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={onChange}>
        {options.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

function SymbolField(props: {
  readonly value: string;
  readonly onChange: (event: ChangeEvent<HTMLInputElement>) => void;
}): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>Symbol</label>
      <input id={id} value={props.value} onChange={props.onChange} placeholder="any" autoComplete="off" />
    </div>
  );
}
