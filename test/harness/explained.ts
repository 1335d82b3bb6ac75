/** What `explain` says of a window, held to what it says beside. */
import { eventually } from './eventually.js';
import { ask } from './graphql.js';

const EXPLAIN = `query ($key: ID!, $store: Store) {
  explain(kind: "order_window", businessKey: $key, store: $store) {
    contract { confidenceLevel reasons { code } } decidedBy { level reason { code } } reproduced
    history { changes { type levelAfter ofTheRow } } stores { store available value { confidenceLevel reasons { code } } }
    toHigh { reason { code } by }
  }
}`;
interface Explained {
  readonly contract: { readonly confidenceLevel: string; readonly reasons: readonly { readonly code: string }[] };
  readonly decidedBy: { readonly level: string };
  readonly reproduced: boolean | null;
  readonly history: { readonly changes: readonly { readonly type: string; readonly ofTheRow: boolean }[] };
  readonly stores: readonly { readonly store: string; readonly available: boolean }[];
  readonly toHigh: readonly { readonly reason: { readonly code: string } }[];
}

/** The label of one store follows from its record, by a rule that allows no more; what makes it LOW was told of; all stores are there. */
export const explainedWell = (url: string, key: string, store: string): Promise<void> =>
  // A store that is slow on a busy machine is asked again.
  eventually(
    async () => {
      const { data, errors } = await ask(url, EXPLAIN, { key, store });
      expect(errors).toBeUndefined();
      const { contract, decidedBy, reproduced, history, stores, toHigh } = (data as { explain: Explained }).explain;
      const { confidenceLevel: level, reasons } = contract;
      expect([key, store, reproduced, decidedBy.level]).toEqual([key, store, true, level]);
      const codes = reasons.map(({ code }) => code);
      expect(toHigh.map(({ reason }) => reason.code)).toEqual(level === 'HIGH' ? [] : codes);
      expect(stores.filter(({ available }) => !available)).toEqual([]);
      const told = history.changes.filter(({ ofTheRow }) => ofTheRow).map(({ type }) => type);
      if (codes.some((code) => code.startsWith('VIOLATION_'))) expect(told).toContain('VIOLATION');
    },
    { timeoutMs: 30_000 },
  );
