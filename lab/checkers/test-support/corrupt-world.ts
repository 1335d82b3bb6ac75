/** Worlds in which more than an answer is wrong: lost, counted twice, diverged. */
import { keyOf, type History } from '../../history/types.js';
import { End, indexOf } from '../claims.js';
import { nth, type Corruption, type Draft } from './draft.js';

/** The newest accepted row of a key, and all that shows it, changed alike: the truth itself is wrong. */
const inTruth =
  (change: (value: Record<string, unknown>) => void, where: (value: Record<string, unknown>) => boolean = () => true) =>
  (draft: Draft, _good: History, n: number): boolean => {
    const checked = ({ kind, cap, stale, value }: Draft['truth'][number]['documents'][number]): boolean =>
      kind === 'order_window' && cap !== 'LOW' && !stale && where(value);
    const entry = nth(
      draft.truth.filter(({ documents }) => documents.some(checked)),
      n,
    );
    const document = entry?.documents.find(checked);
    if (entry === undefined || document === undefined) return false;
    change(document.value);
    for (const { claims } of draft.answers) {
      for (const claim of claims) {
        const same = claim.subject === 'row' && keyOf(claim) === keyOf(document);
        if (same && claim.contract.position === entry.position) claim.value = structuredClone(document.value);
      }
    }
    for (const row of draft.stored) {
      if (row.position === entry.position) row.value = structuredClone(document.value);
    }
    return true;
  };

const countTwice = inTruth((value) => {
  value['orders_total'] = Number(value['orders_total']) + 1;
  value['orders_buy'] = Number(value['orders_buy']) + 1;
});
const spoilAverage = inTruth((value) => (value['average_price'] = `${String(value['average_price'])}1`));

const store =
  (change: (draft: Draft, at: number) => void) =>
  (draft: Draft, good: History, n: number): boolean => {
    const end = new End(indexOf(good));
    const places = draft.stored.flatMap((row, i) => (row.store !== 'MONGODB' || end.isLow(keyOf(row)) ? [] : [i]));
    const at = nth(places, n);
    if (at !== undefined) change(draft, at);
    return at !== undefined;
  };

const newEvent = (draft: Draft, symbol: string, value?: string): void => {
  const offset = draft.events.length;
  const time = '2026-01-05T09:00:01.000Z';
  const event = {
    ...{ event_id: `00000000-0000-4000-8000-${String(offset).padStart(12, '0')}`, order_id: `new-${offset}`, symbol },
    ...{
      side: 'SELL',
      quantity: 3,
      price: '5',
      status: 'PENDING',
      op: 'c',
      event_time: time,
      produce_time: time,
      version: 1,
    },
  };
  const record = { type: 'event', partition: 0, offset, key: symbol, value: value ?? JSON.stringify(event) } as const;
  draft.events.push({ ...record, appendedAtMs: 0 });
};

export const WORLDS: readonly Corruption[] = [
  { name: 'an event counted twice', checker: 'exactly-once', sentence: 'counted-once', apply: countTwice },
  { name: 'a wrong average', checker: 'exactly-once', sentence: 'counted-once', apply: spoilAverage },
  {
    name: 'HIGH with a wrong value',
    checker: 'no-overclaim',
    sentence: 'high.value',
    apply: (draft, good, n) => {
      const shown = new Set(
        good.answers.flatMap(({ claims }) =>
          claims.map(({ subject, contract }) =>
            subject === 'row' && contract.level === 'HIGH' ? contract.position : null,
          ),
        ),
      );
      const wrong = structuredClone(draft.truth.filter(({ position }) => shown.has(position)));
      if (wrong.every(({ documents }) => documents.length === 0)) return false;
      const at = nth(
        wrong.filter(({ documents }) => documents.length > 0),
        n,
      )?.position;
      const only = draft.truth.findIndex(({ position }) => position === at);
      return countTwice({ ...draft, truth: [draft.truth[only]] } as Draft, good, 0);
    },
  },
  {
    name: 'an event lost from a result',
    checker: 'completeness',
    sentence: 'accounted',
    apply: (draft, _good, n) => {
      const symbol = nth(draft.events, n)?.key;
      if (symbol == null) return false;
      newEvent(draft, symbol);
      return draft.truth.some(({ documents }) => documents.length > 0);
    },
  },
  {
    name: 'a result that never came',
    checker: 'exactly-once',
    sentence: 'truth-is-the-fold',
    apply: (draft) => {
      newEvent(draft, 'NOBODY');
      return draft.truth.some(({ documents }) => documents.length > 0);
    },
  },
  {
    name: 'a broken record without a dead letter',
    checker: 'completeness',
    sentence: 'accounted',
    apply: (draft) => {
      newEvent(draft, 'A', '{"op":"c"');
      return draft.truth.some(({ documents }) => documents.length > 0);
    },
  },
  {
    name: 'output that was there and not taken',
    checker: 'completeness',
    sentence: 'output-taken',
    apply: ({ outputs }, _good, n) => {
      const output = nth(outputs, n);
      if (output === undefined) return false;
      output.gaps = { 'run/0': 3 };
      output.there = ['run/0'];
      return true;
    },
  },
  {
    name: 'another value in a read model at the end',
    checker: 'convergence',
    sentence: 'MONGODB = POSTGRES',
    apply: store(({ stored }, at) => ((stored[at]!.value as Record<string, unknown>)['orders_total'] = -1)),
  },
  {
    name: 'a row that a read model lacks at the end',
    checker: 'convergence',
    sentence: 'MONGODB = POSTGRES',
    apply: store((draft, at) => {
      draft.stored.splice(at, 1);
      draft.dumped.find((dumped) => dumped.store === 'MONGODB')!.rows -= 1;
    }),
  },
  {
    name: 'a row that only a read model has at the end',
    checker: 'convergence',
    sentence: 'MONGODB = POSTGRES',
    apply: store((draft, at) => {
      draft.stored.push({ ...structuredClone(draft.stored[at]!), businessKey: 'GHOST@2026-01-05T09:00:00.000Z' });
      draft.dumped.find((dumped) => dumped.store === 'MONGODB')!.rows += 1;
    }),
  },
];
