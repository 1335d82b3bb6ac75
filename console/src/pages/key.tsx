import { useId, useState, type FormEvent, type ReactNode } from 'react';
import { useLive } from '../live.js';
import { KEY, type EngineAnswer, type KeyData, type StoreAnswer } from '../queries.js';
import { hashOf } from '../route.js';
import { comparedFields, holdingInWords, type ComparedField } from '../rows.js';
import { agedContract, ContractList, Level, Reasons, stalenessText } from '../ui/contract.js';
import { Figures } from '../ui/status.js';
import { ENGINE_NAMES, KIND_NAMES, KINDS, STORE_NAMES, VERDICTS } from '../words.js';
import { Explanations } from './explanation.js';
import { Choice } from './keys.js';

export function KeyPage({ query }: { readonly query: Readonly<Record<string, string>> }): ReactNode {
  const { kind = 'order_window', key = '' } = query;
  const live = useLive<KeyData>(key === '' ? null : KEY, { kind, key });
  const { data } = live;
  return (
    <>
      <p className="lead">
        One result as both engines have made it and as all four stores hold it, each with its own contract. They may
        differ for a moment; each says by how much.
      </p>
      <KeyForm key={`${kind} ${key}`} kind={kind} businessKey={key} />
      {key === '' ? (
        <p className="empty">
          Enter a key, or choose one in <a href={hashOf({ page: 'keys', query: {} })}>Keys by confidence</a>.
        </p>
      ) : (
        <>
          <Figures live={live}>
            {data?.compareEngines != null && <Engines compared={data.compareEngines} />}
            {data?.flink != null && <Stores engine="FLINK" answers={data.flink} />}
            {data?.kafkaOnly != null && <Stores engine="KAFKA_ONLY" answers={data.kafkaOnly} />}
          </Figures>
          <Explanations kind={kind} businessKey={key} />
        </>
      )}
    </>
  );
}

function KeyForm(props: { readonly kind: string; readonly businessKey: string }): ReactNode {
  const [kind, setKind] = useState(props.kind);
  const [key, setKey] = useState(props.businessKey);
  const id = useId();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    window.location.assign(hashOf({ page: 'key', query: { kind, key: key.trim() } }));
  };
  const known = KINDS.map((each) => [each, KIND_NAMES[each] ?? each] as const);
  return (
    <form className="fields" aria-label="Which key" onSubmit={submit}>
      <Choice
        label="Kind"
        value={kind}
        onChange={(event) => setKind(event.target.value)}
        options={known.some(([each]) => each === kind) ? known : [...known, [kind, kind]]}
      />
      <div className="field grow">
        <label htmlFor={id}>Key</label>
        <input
          id={id}
          value={key}
          onChange={(event) => setKey(event.target.value)}
          placeholder="005930@2026-01-05T09:00:00.000Z"
          autoComplete="off"
          spellCheck={false}
        />
      </div>
      <button type="submit">Show</button>
    </form>
  );
}

type Compared = NonNullable<KeyData['compareEngines']>;

function Engines({ compared }: { readonly compared: Compared }): ReactNode {
  const { verdict, why, answers, suspect } = compared;
  const fields = comparedFields(answers.map(({ present, value }) => (present ? value.value : null)));
  return (
    <section aria-labelledby="engines">
      <h2 id="engines">Both engines, in PostgreSQL</h2>
      <p role="status" className="summary">
        {verdict === 'EQUAL' ? '✓' : '≠'} {VERDICTS[verdict] ?? verdict}
        {suspect !== null && ` To be doubted: ${ENGINE_NAMES[suspect] ?? suspect}.`}
      </p>
      {why.length > 0 && (
        <ul className="reasons">
          {why.map(({ engine, code, message }) => (
            <li key={`${engine} ${code}`}>
              {engine !== null && `${ENGINE_NAMES[engine] ?? engine}: `}
              {message} <code>{code}</code>
            </li>
          ))}
        </ul>
      )}
      <div className="cards wide">
        {answers.map((answer) => (
          <EngineCard key={answer.engine} answer={answer} />
        ))}
      </div>
      <FieldsTable
        caption="Values by engine"
        columns={answers.map(({ engine }) => ENGINE_NAMES[engine] ?? engine)}
        fields={fields}
      />
    </section>
  );
}

function EngineCard({ answer }: { readonly answer: EngineAnswer }): ReactNode {
  const { engine, present, value, evidence } = answer;
  return (
    <section className="panel" aria-labelledby={`engine-${engine}`}>
      <h3 id={`engine-${engine}`}>
        {ENGINE_NAMES[engine] ?? engine} {!present && <span className="state">has none</span>}
      </h3>
      <ContractList field={value} />
      {evidence !== null && (
        <>
          <h4>Evidence</h4>
          <dl className="facts">
            <dt>Events folded</dt>
            <dd>{evidence.events ?? 'unknown'}</dd>
            <dt>Coverage</dt>
            <dd>{coverageInWords(evidence.coverage)}</dd>
            <dt>Revision</dt>
            <dd>
              {evidence.revision}
              {evidence.final ? ', final' : ', open'}
              {evidence.verified && ', verified from the source'}
              {evidence.cause !== null && `, ${evidence.cause}`}
            </dd>
            <dt>Epoch</dt>
            <dd>{evidence.epoch ?? 'none'}</dd>
            <dt>Run</dt>
            <dd>
              <code>{evidence.run}</code>
            </dd>
          </dl>
        </>
      )}
    </section>
  );
}

type Coverage = NonNullable<EngineAnswer['evidence']>['coverage'];
const coverageInWords = (coverage: Coverage): string =>
  coverage === null
    ? 'unknown'
    : Object.entries(coverage)
        .map(([partition, [first, last]]) => `partition ${partition}: ${first}–${last}`)
        .join(', ');

function Stores(props: { readonly engine: string; readonly answers: readonly StoreAnswer[] }): ReactNode {
  const { engine, answers } = props;
  const id = `stores-${engine}`;
  const fields = comparedFields(
    answers.map(({ available, present, value }) => (available && present ? (value?.value ?? null) : null)),
  );
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{ENGINE_NAMES[engine]}, in all stores</h2>
      <FieldsTable
        caption={`What each store holds of ${ENGINE_NAMES[engine]}’s result`}
        columns={answers.map(({ store }) => STORE_NAMES[store] ?? store)}
        fields={fields}
      >
        <ContractRow name="Holds it" answers={answers} cell={(answer) => holdingInWords(answer)} />
        <ContractRow
          name="Confidence"
          answers={answers}
          cell={({ value }) => (value === null ? '–' : <Level level={agedContract(value).confidenceLevel} />)}
        />
        <ContractRow
          name="Age"
          answers={answers}
          cell={({ value }) => (value === null ? '–' : stalenessText(agedContract(value).stalenessMs))}
        />
        <ContractRow
          name="Why not HIGH"
          answers={answers}
          cell={({ value }) => (value === null ? '–' : <Reasons codes={agedContract(value).reasons} field={value} />)}
        />
        <ContractRow name="Row’s position" answers={answers} cell={({ value }) => value?.position ?? '–'} />
      </FieldsTable>
    </section>
  );
}

interface ContractRowProps {
  readonly name: string;
  readonly answers: readonly StoreAnswer[];
  readonly cell: (answer: StoreAnswer) => ReactNode;
}

function ContractRow({ name, answers, cell }: ContractRowProps): ReactNode {
  return (
    <tr>
      <th scope="row">{name}</th>
      {answers.map((answer) => (
        <td key={answer.store}>{cell(answer)}</td>
      ))}
    </tr>
  );
}

interface FieldsTableProps {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly fields: readonly ComparedField[];
  readonly children?: ReactNode;
}

/** Who differs is said by a sign and a word, not by colour alone. */
function FieldsTable({ caption, columns, fields, children }: FieldsTableProps): ReactNode {
  return (
    <div className="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption className="hidden">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">
              <span className="hidden">Field</span>
            </th>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {children}
          {fields.map(({ field, cells, differs }) => (
            <tr key={field} className={differs ? 'differs' : undefined}>
              <th scope="row">
                <code>{field}</code>
                {differs && <span className="differs-word"> ≠ differs</span>}
              </th>
              {cells.map((cell, i) => (
                <td key={columns[i]}>{cell ?? <span className="quiet">no value</span>}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
