/** Answers that claim too much: each is one sentence of contract.md §2 made false in an otherwise good history. */
import { keyOf, type Contract, type History } from '../../history/types.js';
import { End, indexOf, type Seen } from '../claims.js';
import { path } from '../times.js';
import { commitOf, iso, nth, onRow, rows, type Corruption, type Place, type Row } from './draft.js';

const ours = ({ claim: { contract } }: Seen): Contract => contract;
const ends = new WeakMap<History, End>();
function endOf(good: History): End {
  const end = ends.get(good) ?? new End(indexOf(good));
  ends.set(good, end);
  return end;
}
const present = ({ claim }: Seen): boolean => claim.value !== null;
/** The version before the one that was shown, of the same key. */
const previous = ({ id, shown }: Seen, good: History) =>
  indexOf(good)
    .truth.versions(id.key)
    .findLast(({ position }) => position < shown) ?? null;
const samePath = (a: Contract, b: Contract): boolean => path(a.servedBy, a.scope) === path(b.servedBy, b.scope);
/** Not proven, and a newer row had been accepted when the request began: to claim more would be a lie for certain. */
const behind = (seen: Seen, good: History): boolean => {
  const next = indexOf(good).truth.next(seen.id.key, seen.shown);
  return present(seen) && ours(seen).provenAt === null && next !== null && next.position <= seen.currentLow;
};

/** Shows the version before instead, all else claimed as it was. */
function showPrevious({ seen, row, contract }: Place, good: History): void {
  const before = previous(seen, good);
  row.value = structuredClone(before?.document.value ?? null) as Row['value'];
  contract.position = before?.position ?? null;
}

/** Was the version before already outdated when the request began? Else to show it is no lie. */
const outdated = (seen: Seen, good: History): boolean =>
  previous(seen, good) !== null && seen.shown <= seen.currentLow && present(seen);

const sameStoreLater = (seen: Seen, good: History): boolean =>
  indexOf(good).seen.some(
    (other) =>
      other.answer.session === seen.answer.session &&
      other.id.key === seen.id.key &&
      other.shown === seen.shown &&
      ours(other).servedBy === ours(seen).servedBy &&
      other.answer.ended.mono <= seen.answer.started.mono,
  );

/** An earlier answer of the session on the same store told a later time than the first commit. */
const toldBefore = (seen: Seen, good: History, time: 'lastCdcSyncTime' | 'lastCheckpointTime'): boolean =>
  indexOf(good).seen.some(
    (other) =>
      other.answer.session === seen.answer.session &&
      other.answer.server === seen.answer.server &&
      ours(other).servedBy === ours(seen).servedBy &&
      other.answer.ended.mono <= seen.answer.started.mono &&
      (ours(other)[time] ?? '') > iso(commitOf(good, 1)),
  ) && firstOfAnswer(seen);
const firstOfAnswer = (seen: Seen): boolean =>
  seen.answer.claims.find(({ subject }) => subject === 'row') === seen.claim;

export const ANSWERS: readonly Corruption[] = [
  {
    name: 'a value that was never accepted',
    checker: 'no-overclaim',
    sentence: 'position',
    apply: onRow(present, ({ row }) => (row.value = { ...row.value, orders_total: 99 } as Row['value'])),
  },
  {
    name: 'a position that did not change the key',
    checker: 'no-overclaim',
    sentence: 'position',
    apply: onRow(present, ({ contract }) => (contract.position = 1)),
  },
  {
    name: 'a row from the future',
    checker: 'no-overclaim',
    sentence: 'position',
    apply: onRow(present, ({ contract }) => (contract.position = 1_000)),
  },
  {
    name: 'HIGH that is not the newest',
    checker: 'no-overclaim',
    sentence: 'high.newest',
    apply: onRow(behind, ({ seen, contract }) => Object.assign(contract, { level: 'HIGH', provenAt: seen.currentLow })),
  },
  {
    name: 'HIGH without a proof',
    checker: 'no-overclaim',
    sentence: 'high.evidence',
    apply: onRow(
      (seen) => ours(seen).level === 'HIGH',
      ({ contract }) => (contract.provenAt = null),
    ),
  },
  {
    name: 'HIGH of unknown age',
    checker: 'no-overclaim',
    sentence: 'high.evidence',
    apply: onRow(
      (seen) => ours(seen).level === 'HIGH',
      ({ contract }) => (contract.stalenessMs = null),
    ),
  },
  {
    name: 'a proof older than the request',
    checker: 'no-overclaim',
    sentence: 'proven',
    apply: onRow(
      (seen) => ours(seen).provenAt !== null && seen.currentLow > 1,
      ({ seen, contract }) => (contract.provenAt = seen.currentLow - 1),
    ),
  },
  {
    name: 'a proof from the future',
    checker: 'no-overclaim',
    sentence: 'proven',
    apply: onRow(
      (seen) => ours(seen).provenAt !== null,
      ({ contract }) => (contract.provenAt = 1_000),
    ),
  },
  {
    name: 'STRONG that misses an earlier write',
    checker: 'no-overclaim',
    sentence: 'strong',
    apply: onRow((seen, good) => ours(seen).scope === 'STRONG' && outdated(seen, good), showPrevious),
  },
  {
    name: 'STRONG from a read model',
    checker: 'no-overclaim',
    sentence: 'scope',
    apply: onRow(
      (seen) => ours(seen).scope === 'EVENTUAL',
      ({ contract }) => (contract.scope = 'STRONG'),
    ),
  },
  {
    name: 'asOf of a write that is not reflected',
    checker: 'no-overclaim',
    sentence: 'as-of',
    apply: onRow(behind, ({ seen, contract }, good) => (contract.asOf = iso(commitOf(good, seen.currentLow)))),
  },
  {
    name: 'asOf of a write that was yet to come',
    checker: 'no-overclaim',
    sentence: 'as-of.known',
    apply: onRow(
      (seen, good) => (seen.currentHigh ?? 0) < (good.truth.at(-1)?.position ?? 0),
      ({ contract }, good) => (contract.asOf = iso(good.truth.at(-1)?.committedAtUs ?? 0)),
    ),
  },
  {
    name: 'asOf by the wall clock',
    checker: 'no-overclaim',
    sentence: 'as-of.known',
    apply: onRow(
      (seen) => ours(seen).asOf !== null,
      ({ contract }, good) => (contract.asOf = betweenCommits(contract.asOf, good)),
    ),
  },
  {
    name: 'stalenessMs less than the age when the request began',
    checker: 'no-overclaim',
    sentence: 'staleness',
    apply: onRow(
      (seen, good) => staleFor(seen, good) > 5,
      ({ seen, contract }, good) => (contract.stalenessMs = Math.floor(staleFor(seen, good)) - 3),
    ),
  },
  {
    name: 'lastCdcSyncTime goes back',
    checker: 'no-overclaim',
    sentence: 'sync.monotone',
    apply: onRow(
      (seen, good) => toldBefore(seen, good, 'lastCdcSyncTime'),
      ({ contract }, good) => (contract.lastCdcSyncTime = iso(commitOf(good, 1))),
    ),
  },
  {
    name: 'lastCheckpointTime goes back',
    checker: 'no-overclaim',
    sentence: 'checkpoint.monotone',
    apply: onRow(
      (seen, good) => seen.claim.engine === 'FLINK' && toldBefore(seen, good, 'lastCheckpointTime'),
      ({ contract }, good) => (contract.lastCheckpointTime = iso(commitOf(good, 1))),
    ),
  },
  {
    name: 'a checkpoint of an engine without any',
    checker: 'no-overclaim',
    sentence: 'checkpoint.none',
    apply: onRow(
      (seen) => seen.claim.engine === 'KAFKA_ONLY',
      ({ contract }) => (contract.lastCheckpointTime = '2026-01-05T09:00:00.000Z'),
    ),
  },
  {
    name: 'lastCdcSyncTime by the wall clock',
    checker: 'no-overclaim',
    sentence: 'sync.known',
    apply: onRow(
      (seen) => ours(seen).lastCdcSyncTime !== null,
      ({ contract }, good) => (contract.lastCdcSyncTime = betweenCommits(contract.lastCdcSyncTime, good)),
    ),
  },
  {
    name: 'lastCdcSyncTime of what the store has not applied',
    checker: 'no-overclaim',
    sentence: 'sync.applied',
    apply: (draft, good, n) => {
      const { truth } = indexOf(good);
      const missed = (seen: Seen): string => iso(truth.next(seen.id.key, seen.shown)?.committedAtUs ?? 0);
      // Two writes of one millisecond have one lastCdcSyncTime, and it promises the first of them only.
      const promised = (seen: Seen): boolean =>
        (truth.positionAt(missed(seen)) ?? 0) >= (truth.next(seen.id.key, seen.shown)?.position ?? Infinity);
      const lies = rows(draft, good, (seen) => behind(seen, good) && promised(seen)).flatMap((stale) => {
        const same = (one: { contract: Contract }): boolean => samePath(one.contract, stale.contract);
        const before = draft.answers.findLast(
          ({ ended, claims }) => ended.mono <= stale.answer.started.mono && claims.some(same),
        );
        const claim = before?.claims.find(same);
        return claim === undefined ? [] : [{ claim, at: missed(stale.seen) }];
      });
      const lie = nth(lies, n);
      if (lie === undefined) return false;
      lie.claim.contract.lastCdcSyncTime = lie.at;
      return true;
    },
  },
  {
    name: 'sourceAsOf beyond what was counted',
    checker: 'no-overclaim',
    sentence: 'source-as-of',
    apply: onRow(
      (seen, good) => uncounted(seen, good) !== null,
      ({ seen, contract }, good) => (contract.sourceAsOf = new Date((uncounted(seen, good) ?? 0) + 1).toISOString()),
    ),
  },
  {
    name: 'the same store goes back',
    checker: 'monotonic-reads',
    sentence: 'same-store',
    apply: onRow((seen, good) => previous(seen, good) !== null && sameStoreLater(seen, good), showPrevious),
  },
  {
    name: 'a token of less than was shown',
    checker: 'no-overclaim',
    sentence: 'token.covers',
    apply: onRow(
      (seen) => ours(seen).provenAt !== null && seen.answer.token != null,
      ({ answer, contract }) => (answer.token!.position = (contract.provenAt ?? 0) - 1),
    ),
  },
  {
    name: 'a token from the future',
    checker: 'no-overclaim',
    sentence: 'token.known',
    apply: onRow(
      (seen) => seen.currentHigh !== null && seen.answer.token != null,
      ({ answer, seen }) => (answer.token!.position = (seen.currentHigh ?? 0) + 1),
    ),
  },
  {
    name: 'a set without one of its rows',
    checker: 'no-overclaim',
    sentence: 'set.as-of',
    apply: (draft, good, n) => {
      const { truth } = indexOf(good);
      const sets = draft.answers.flatMap(({ claims }) =>
        claims.flatMap((claim) =>
          claim.subject === 'set' && claim.complete && claim.members.length > 0 ? [claim] : [],
        ),
      );
      const reflected = sets.filter((set) => {
        const key = keyOf({ kind: set.kind, engine: set.engine, businessKey: set.members[0] ?? '' });
        return truth.newest(key, truth.positionAt(set.contract.asOf ?? '') ?? 0) !== null;
      });
      const set = nth(reflected, n);
      if (set !== undefined) set.members = [];
      return set !== undefined;
    },
  },
  {
    name: 'EVENTUALLY_CONSISTENT that never converges',
    checker: 'no-overclaim',
    sentence: 'eventual.converges',
    apply: onRow(
      (seen, good) =>
        seen.answer.session === 'end' &&
        ours(seen).servedBy !== 'POSTGRES' &&
        previous(seen, good) !== null &&
        present(seen) &&
        !endOf(good).isLow(seen.id.key),
      (place, good) => {
        showPrevious(place, good);
        Object.assign(place.contract, { level: 'EVENTUALLY_CONSISTENT', provenAt: null });
      },
    ),
  },
  {
    name: 'a session misses its own write though it reads STRONG',
    checker: 'read-your-writes',
    sentence: 'own-write',
    apply: onRow(
      (seen, good) =>
        seen.answer.session === 'writer' &&
        ours(seen).scope === 'STRONG' &&
        present(seen) &&
        seen.shown <= seen.currentLow &&
        good.writes.length > 0,
      ({ row, contract }) => {
        row.value = null;
        contract.position = null;
      },
    ),
  },
];

/** The age of what was shown when the request began, in ms and by the sure bound. */
function staleFor({ claim, answer }: Seen, good: History): number {
  const begun = indexOf(good).truth.clock.at(answer.started.mono)?.lowUs ?? 0;
  return begun / 1000 - Date.parse(claim.contract.asOf ?? '') - 1;
}

/** Append time of a record of this key that the accepted row at that time does not count; null: none. */
function uncounted({ claim, id, currentHigh }: Seen, good: History): number | null {
  const { truth, fold } = indexOf(good);
  if (claim.value === null || claim.contract.level === 'LOW') return null;
  const newest = truth.newest(id.key, currentHigh ?? 0)?.document;
  if (newest?.cap === 'LOW') return null;
  const members = fold.fold(claim.kind, claim.businessKey)?.members ?? [];
  const missing = members.find((m) => m.offset > (newest?.coverage?.[m.partition]?.[1] ?? -1));
  return missing?.appendedAtMs ?? null;
}

/** A moment after this one at which nothing was committed. */
function betweenCommits(iso: string | null, good: History): string {
  const { truth } = indexOf(good);
  let at = Date.parse(iso ?? '') + 2;
  while (truth.positionAt(new Date(at).toISOString()) !== null) at += 1;
  return new Date(at).toISOString();
}
