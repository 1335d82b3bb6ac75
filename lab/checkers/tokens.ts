/** Tokens: what an answer hands out stands for all that it showed, and for nothing that was yet to come. Pure. */
import type { Answer } from '../history/types.js';
import { faultsDuring, type Indexed } from './claims.js';
import { broken, unknown, type Collector, type Outcome } from './verdict.js';

function known({ token, ended }: Answer, { truth }: Indexed): Outcome {
  if (token == null) return null;
  if (truth.blind) return unknown('the accepted rows were not recorded');
  if (!truth.incarnations.has(token.incarnation)) return broken({ why: 'of a history that nobody has seen', token });
  const high = truth.currentHigh(ended.mono);
  return high !== null && token.position > high
    ? broken({ why: 'a position that was not there', token, high })
    : 'holds';
}

/**
 * Who comes back with the token must find what was shown: rows, and what was claimed to be complete up to the proof. The
 * `position` of a set is the proof's; what a store behind it has not shown, nobody must find.
 */
function covers({ token, claims }: Answer): Outcome {
  if (token == null) return null;
  const shown = claims.map(({ subject, contract }) =>
    Math.max(subject === 'set' ? 0 : (contract.position ?? 0), contract.provenAt ?? 0),
  );
  const most = Math.max(0, ...shown);
  return token.position >= most ? 'holds' : broken({ why: 'less than was shown', token, most });
}

export function checkTokens(indexed: Indexed, collector: Collector): void {
  for (const answer of indexed.history.answers) {
    const fault = faultsDuring(indexed.history, answer.started.mono, answer.ended.mono);
    const id = { key: 'token', position: answer.token?.position ?? null, fault };
    const context = (): Record<string, unknown> => ({ answer: answer.id, started: answer.started });
    collector.note('token.known', id, known(answer, indexed), context);
    collector.note('token.covers', id, covers(answer), context);
  }
}
