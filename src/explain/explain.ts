/** Why a key has its label, from what was read of it (contract.md §9, `explain`). Pure. */
import type { Assessment, Contract } from '../contract/assess.js';
import type { Micros } from '../position/position.js';
import type { RowDecision } from '../stores/audit-port.js';
import { follows, recordOf, type LabelRecord } from './record.js';
import { highNotBefore, remediesOf, type OpenRequest, type Remedy } from './remedies.js';
import { rulesOf, type AppliedRule } from './rules.js';

export interface Explained {
  readonly rules: readonly AppliedRule[];
  /** null: the row is of another release, which did not write down why it has its cap. */
  readonly decidedBy: AppliedRule | null;
  readonly toHigh: readonly Remedy[];
  readonly highNotBefore: Micros | null;
  readonly record: LabelRecord;
  /** Derived again from the record alone, is it the same? null: why the row has its cap is not known. */
  readonly reproduced: boolean | null;
}

export interface Labelled {
  readonly assessment: Assessment;
  readonly label: Contract;
  /** Of the row in Postgres, which need not be the one that was answered; null: there is none, or it can't be asked. */
  readonly decision: RowDecision | null;
  readonly open: OpenRequest | null;
}

export function explain({ assessment, label, decision, open }: Labelled): Explained {
  // What is known of a row says nothing of the one that was there before it, or came after.
  const decided = decision !== null && decision.position === assessment.row?.position ? decision.decided : null;
  const rules = rulesOf(assessment, label, decided);
  const toHigh = label.confidenceLevel === 'HIGH' ? [] : remediesOf(label.reasons, assessment, open);
  const record = recordOf(assessment, decided);
  return {
    rules,
    decidedBy: rules.find(({ deciding }) => deciding) ?? null,
    toHigh,
    highNotBefore: highNotBefore(toHigh),
    record,
    reproduced: follows(label, record),
  };
}
