/**
 * Sessions: what one client was shown, one answer after the other. Without a token nobody promised that another store is as
 * far as the last one; but no store goes back, no proof goes back, who claims to be current is, and a token is kept.
 */
import type { Answer, History, Write } from '../history/types.js';
import { brief, describe, indexOf, type Indexed, type Seen } from './claims.js';
import { broken, Collector, unknown, type Outcome, type Verdict } from './verdict.js';

/** Answers of a session that began after another one had ended, in order: side by side has no order. */
function bySession(indexed: Indexed): Map<string, Seen[]> {
  const sessions = new Map<string, Seen[]>();
  for (const seen of indexed.seen) {
    const list = sessions.get(seen.answer.session);
    if (list === undefined) sessions.set(seen.answer.session, [seen]);
    else list.push(seen);
  }
  return sessions;
}

interface Mark {
  readonly position: number;
  readonly ended: number;
  readonly answer: number;
}

/** The greatest of what had been shown before an answer began. */
class High {
  private readonly marks = new Map<string, Mark[]>();

  raise(series: string, position: number, { ended, id }: Answer): void {
    const marks = this.marks.get(series) ?? [];
    if (position > (marks.at(-1)?.position ?? -1)) marks.push({ position, ended: ended.mono, answer: id });
    this.marks.set(series, marks);
  }

  before(series: string, { started }: Answer): Mark | null {
    return this.marks.get(series)?.findLast(({ ended }) => ended <= started.mono) ?? null;
  }
}

export function monotonicReads(history: History): Verdict {
  const indexed = indexOf(history);
  const collector = new Collector('monotonic-reads');
  for (const [, answers] of bySession(indexed)) {
    const high = new High();
    for (const seen of answers) {
      const { answer, claim, id, shown } = seen;
      const { servedBy, scope, provenAt, position } = claim.contract;
      // A search shows what was refreshed, a read by key more than that: two paths into one store.
      const path = `${id.key}|${servedBy}|${scope}`;
      const context = (): Record<string, unknown> => describe(seen);
      const held = (series: string, now: number, applies: boolean): Outcome => {
        const before = applies ? high.before(series, answer) : null;
        if (before === null) return null;
        return now >= before.position ? 'holds' : broken({ before, now });
      };
      const rowKnown = position !== null || claim.value === null;
      collector.note('same-store', id, held(path, shown, rowKnown), context);
      collector.note('claims-current', id, held(`${id.key}|row`, shown, rowKnown && provenAt !== null), context);
      collector.note('proof', id, held('proof', provenAt ?? 0, provenAt !== null), context);
      const late = answer.atLeast !== null && Math.max(provenAt ?? 0, shown) < answer.atLeast;
      const kept = late && (indexed.truth.newest(id.key, answer.atLeast ?? 0)?.position ?? 0) > shown;
      // Asked to fall back, the server may give less than the token says, if it says so.
      if (answer.atLeast !== null && answer.unmet === undefined) {
        collector.note('token', id, kept ? broken({ atLeast: answer.atLeast, shown }) : 'holds', context);
      }
      high.raise(path, shown, answer);
      high.raise(`${id.key}|row`, shown, answer);
      if (provenAt !== null) high.raise('proof', provenAt, answer);
    }
  }
  return collector.verdict();
}

/** The first accepted row that counts a session's own record, and since when everybody could know it. */
function acceptedAs({ partition, offset }: Write, { truth, fold }: Indexed): { key: string; position: number }[] {
  const decoded = fold.at(partition, offset);
  if (decoded === undefined) return [];
  return [...truth.engines].flatMap((engine) => {
    const key = `order_window|${engine}|${fold.windowOf(decoded)}`;
    const first = truth.versions(key).find(({ document }) => (document.coverage?.[partition]?.[1] ?? -1) >= offset);
    return first === undefined ? [] : [{ key, position: first.position }];
  });
}

/** After a session's own write was accepted: who reads STRONG, claims to be current or brings a token sees it. */
export function readYourWrites(history: History): Verdict {
  const indexed = indexOf(history);
  const collector = new Collector('read-your-writes');
  const sessions = bySession(indexed);
  for (const write of history.writes) {
    for (const { key, position } of acceptedAs(write, indexed)) {
      for (const seen of sessions.get(write.session) ?? []) {
        if (seen.id.key !== key || seen.currentLow < position) continue;
        const { contract } = seen.claim;
        const { atLeast, unmet } = seen.answer;
        const token = unmet === undefined && atLeast !== null && atLeast >= position;
        if (contract.scope !== 'STRONG' && contract.provenAt === null && !token) continue;
        if (indexed.truth.blind) collector.note('own-write', seen.id, unknown('the accepted rows were not recorded'));
        const right = seen.shown >= position;
        const wrong = broken({ write, due: brief(indexed.truth.at(key, position)) });
        collector.note('own-write', seen.id, right ? 'holds' : wrong, () => describe(seen));
      }
    }
  }
  return collector.verdict();
}
