/** A contract, in words. */
import { useId, type ReactNode } from 'react';
import type { ConfidenceLevel } from '../../../client/index.js';
import { contractOf } from '../../../client/apollo/index.js';
import { duration } from '../age.js';
import { CONSOLE_POLICY } from '../client.js';
import type { ContractField } from '../queries.js';
import { adviceInWords, LEVELS, reasonInWords, STORE_NAMES } from '../words.js';

export function Level({ level }: { readonly level: ConfidenceLevel }): ReactNode {
  const { glyph, name, meaning } = LEVELS[level];
  return (
    <span className={`level ${level.toLowerCase()}`} title={meaning}>
      <span aria-hidden="true">{glyph}</span> {name}
    </span>
  );
}

/** As old as it is now: by the SDK, which lets it only get worse. */
export function agedContract(field: ContractField<unknown>) {
  return contractOf(field, CONSOLE_POLICY) ?? { ...field, reasons: field.reasons.map(({ code }) => code) };
}

export function Reasons(props: {
  readonly codes: readonly string[];
  readonly field: ContractField<unknown>;
}): ReactNode {
  if (props.codes.length === 0) return <span className="quiet">none</span>;
  return (
    <ul className="reasons">
      {props.codes.map((code) => (
        <li key={code}>
          {reasonInWords(code, props.field.reasons)} <span className="advice">{adviceInWords(code)}</span>{' '}
          <code>{code}</code>
        </li>
      ))}
    </ul>
  );
}

export const stalenessText = (ms: number | null): string => (ms === null ? 'unknown' : `≤ ${duration(ms)}`);

/** All of it, as a list. */
export function ContractList({ field }: { readonly field: ContractField<unknown> }): ReactNode {
  const contract = agedContract(field);
  const id = useId();
  return (
    <dl className="facts" id={id}>
      <dt>Confidence</dt>
      <dd>
        <Level level={contract.confidenceLevel} />
      </dd>
      <dt>Reasons</dt>
      <dd>
        <Reasons codes={contract.reasons} field={field} />
      </dd>
      <dt>Scope</dt>
      <dd>
        {contract.consistencyScope}, {STORE_NAMES[field.servedBy] ?? field.servedBy}
      </dd>
      <dt>Age</dt>
      <dd>
        {stalenessText(contract.stalenessMs)}
        {contract.stale && ' (stale)'}
      </dd>
      <dt>Position</dt>
      <dd>{field.position}</dd>
      <dt>Proven at</dt>
      <dd>{field.provenAt ?? <span className="quiet">not proven</span>}</dd>
    </dl>
  );
}
