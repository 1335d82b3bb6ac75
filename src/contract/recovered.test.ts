/** Output was lost: nulls and sets are LOW until what is missing has been made again, of the kinds that can be (ADR 19). */
import { NOTHING_EXPIRED } from '../position/expiry.js';
import { assess } from './assess.js';
import { NO_LETTERS } from './dead-letters.js';
import { ofRow, ofSet, type ReadEvidence } from './evidence.js';
import { pipelineFacts } from './pipeline-facts.js';
import type { Proof } from './proof-port.js';

interface Loss {
  readonly lossOffset: number | null;
  readonly recovered?: { readonly offset: number; readonly kinds: readonly string[] };
}

/** Is the loss held against a null, and against a set, of a pipeline whose result partitions have lost so? */
function held(kind: string, ...losses: readonly Loss[]): boolean[] {
  const facts = pipelineFacts(
    losses.map((loss, partition) => ({
      pipeline: 'p',
      result_topic: 't',
      result_partition: partition,
      engine: 'KAFKA_ONLY',
      position: 1,
      facts: { assignments: {}, heartbeats: {}, ...loss },
    })),
  );
  const lastProof = { pipelines: facts, expiry: NOTHING_EXPIRED, letters: NO_LETTERS } as unknown as Proof;
  const bounds = { pipelineSilentMs: 1, staleMs: 1 };
  const rest = { store: 'POSTGRES', scope: 'STRONG', applied: null, lastCdcSync: null, now: null } as const;
  const read: ReadEvidence = { ...rest, proof: null, lastProof, bounds };
  return [
    ofRow(read, { kind, businessKey: 'b', engine: 'KAFKA_ONLY' }, null),
    ofSet(read, kind, 'KAFKA_ONLY', null),
  ].map((asked) => assess(asked).reasons.includes('VIOLATION_OUTPUT_GAP'));
}

const recovered = { offset: 9, kinds: ['order', 'order_window'] };
const none = { lossOffset: null };
const [yes, no] = [
  [true, true],
  [false, false],
];

test.each([
  ['nothing was lost', 'order', [none], no],
  ['it was lost', 'order', [{ lossOffset: 9 }], yes],
  ['it was made again', 'order', [{ lossOffset: 9, recovered }], no],
  ['of another kind, which nobody can make again', 'tally', [{ lossOffset: 9, recovered }], yes],
  ['more was lost since', 'order', [{ lossOffset: 10, recovered }], yes],
  [
    'in another partition, too, where nobody has looked',
    'order',
    [{ lossOffset: 9, recovered }, { lossOffset: 3 }],
    yes,
  ],
  ['in both, and made again in both', 'order', [{ lossOffset: 9, recovered }, { lossOffset: 3, recovered }, none], no],
  ['an older release did not write down where', 'order', [{ lossOffset: null, gaps: { 'a/0': 3 }, recovered }], yes],
] as const)('%s', (_, kind, losses, expected) => {
  expect(held(kind, ...losses)).toEqual(expected);
});
