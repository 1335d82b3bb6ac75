/** What answers say after each other: times that never go back, and what a store "has applied" when it is read next. Pure. */
import { keyOf, type Answer, type Scope, type StoreName } from '../history/types.js';
import { brief, describe, type Indexed, type Seen } from './claims.js';
import { msOf } from './truth.js';
import { broken, unknown, type Collector, type Outcome } from './verdict.js';

interface Said {
  readonly at: string | null;
  readonly by: number;
  readonly ended: number;
}

/** A time that a session was told may only grow, and never be unknown again. */
class Monotone {
  private readonly last = new Map<string, Said>();

  next(series: string, at: string | null, answer: Answer): Outcome {
    const before = this.last.get(series);
    if (before !== undefined && before.ended > answer.started.mono) return null; // side by side: in no order
    const back = before?.at != null && (at === null || msOf(at) < msOf(before.at));
    if (!back) this.last.set(series, { at: at ?? before?.at ?? null, by: answer.id, ended: answer.ended.mono });
    return back ? broken({ before: before.at, after: at, earlierAnswer: before.by }) : 'holds';
  }
}

/** A search shows what was refreshed: what a read by key has found applied, it need not have seen yet. */
export const path = (store: StoreName, scope: Scope): string => `${store}|${scope === 'SEARCH' ? 'SEARCH' : 'BY_KEY'}`;

/** Per session of one server: monotone per store, and per pipeline. */
export function checkTimes(indexed: Indexed, collector: Collector): void {
  const times = new Monotone();
  const done = new Set<string>();
  for (const seen of indexed.seen) {
    const { answer, claim, id } = seen;
    const { contract } = claim;
    const context = (): Record<string, unknown> => describe(seen);
    const client = `${answer.server}|${answer.session}`;
    const pipeline = indexed.truth.pipelineOf(id.key, claim.engine);
    const series: [sentence: string, series: string, at: string | null][] = [
      ['sync.monotone', `${client}|${path(contract.servedBy, contract.scope)}`, contract.lastCdcSyncTime],
      ['checkpoint.monotone', `${client}|${pipeline}|checkpoint`, contract.lastCheckpointTime],
    ];
    for (const [sentence, name, at] of series) {
      // Rows of one answer were assessed side by side: each series is moved on by the first of them.
      if (done.has(`${name}|${answer.id}`)) continue;
      done.add(`${name}|${answer.id}`);
      if (sentence === 'checkpoint.monotone' && claim.engine === 'KAFKA_ONLY') continue;
      collector.note(sentence, id, times.next(name, at, answer), context);
    }
  }
  checkApplied(indexed, collector);
}

/** `lastCdcSyncTime` is applied: whoever asks the store later finds every write up to it, whatever the server says then. */
function checkApplied({ history, truth, seen }: Indexed, collector: Collector): void {
  const models = history.meta.stores.filter((store) => store !== 'POSTGRES');
  const floors = new Map<string, { position: number; said: number }>();
  const told = [...history.answers].sort((a, b) => a.ended.mono - b.ended.mono);
  let next = 0;
  const learn = (answer: Answer): void => {
    for (const { contract } of answer.claims) {
      if (contract.lastCdcSyncTime === null) continue;
      const position = truth.positionAt(contract.lastCdcSyncTime) ?? 0;
      for (const store of contract.servedBy === 'POSTGRES' ? models : [contract.servedBy]) {
        const place = path(store, contract.scope);
        if (position > (floors.get(place)?.position ?? 0)) floors.set(place, { position, said: answer.id });
      }
    }
  };
  for (const one of seen) {
    while ((told[next]?.ended.mono ?? Infinity) <= one.answer.started.mono) learn(told[next++] as Answer);
    const { servedBy, scope } = one.claim.contract;
    const floor = floors.get(path(servedBy, scope));
    collector.note('sync.applied', one.id, applied(one, floor, truth), () => describe(one));
  }
}

function applied(
  { claim, shown }: Seen,
  floor: { position: number; said: number } | undefined,
  truth: Indexed['truth'],
): Outcome {
  if (floor === undefined || claim.contract.servedBy === 'POSTGRES') return null;
  if (truth.blind) return unknown('the accepted rows were not recorded');
  const due = truth.newest(keyOf(claim), floor.position);
  return due === null || due.position <= shown ? 'holds' : broken({ missed: brief(due), applied: floor });
}
