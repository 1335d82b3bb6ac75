/** One read: ask, judge, ask stricter within bounds. The session (session.ts) keeps what outlives it. */
import { Contracts, type GraphQLFailure, type GraphQLResponse } from './answer.js';
import { sleep, type Instant } from './clock.js';
import type { Contract } from './contract.js';
import { decide, WHY, type Decision } from './decide.js';
import type { Policy } from './policy.js';
import { isStricter, stricterOf, type Requirement } from './requirement.js';
import { pauseMs } from './retry.js';
import { TOKEN_REFUSALS } from './token.js';

/** Sends one request that demands `requirement`; rejects when no GraphQL answer comes. */
export type Send = (requirement: Requirement, signal: AbortSignal | undefined) => Promise<GraphQLResponse>;

/** What one request brought, and what it is worth. */
export interface Attempt {
  readonly response: GraphQLResponse;
  readonly contracts: Contracts;
  /** Of the whole answer, the weakest, at the time of the decision. */
  readonly contract: Contract | null;
  readonly decision: Decision;
  /** What was demanded. */
  readonly requirement: Requirement;
  /** Why no answer came, if none did. */
  readonly failure: unknown;
}

export interface ReadDeps {
  readonly now: () => Instant;
  readonly random: () => number;
  /** The session's token, now. */
  readonly token: () => string | null;
  /** A response came: keep its token, or drop the one that was sent if it was refused. */
  readonly saw: (sent: string | null, contracts: Contracts, errors: readonly GraphQLFailure[]) => void;
  readonly mayRepeat: () => boolean;
}

export interface ReadTask {
  readonly send: Send;
  readonly policy: Policy;
  /** The first demand, without the session's token. */
  readonly requirement: Requirement;
  /** How long a good answer has been waited for before this read. */
  readonly waitedMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Every attempt, in order; at least one. The last is not always the best. */
export async function attempts(task: ReadTask, deps: ReadDeps): Promise<readonly Attempt[]> {
  const { policy, signal } = task;
  const start = deps.now().monotonicMs;
  const waited = (): number => task.waitedMs + deps.now().monotonicMs - start;
  const made: Attempt[] = [];
  let wanted = task.requirement;
  for (;;) {
    const attempt = await attemptOnce(task, wanted, deps, waited);
    made.push(attempt);
    const next = nextDemand(attempt, wanted);
    if (next === null || made.length >= policy.retry.attempts || !deps.mayRepeat()) return made;
    wanted = next;
    await sleep(pauseMs(made.length, policy.retry, deps.random()), signal);
  }
}

/** What to demand next; null: to ask again is no use now. */
function nextDemand({ decision, response, failure }: Attempt, asked: Requirement): Requirement | null {
  if (decision.action === 'USE') return null;
  const refused = (response.errors ?? []).some((error) => TOKEN_REFUSALS.includes(codeOf(error)));
  // The session has dropped its token: the same demand without it is another one.
  if (refused) return asked.atLeast === undefined ? asked : null;
  if (decision.stricter !== null && isStricter(decision.stricter, asked)) return stricterOf(asked, decision.stricter);
  const mayPass = failure !== null || (response.errors ?? []).some((error) => error.extensions?.['retryable'] === true);
  return mayPass ? asked : null;
}

async function attemptOnce(
  task: ReadTask,
  wanted: Requirement,
  deps: ReadDeps,
  waited: () => number,
): Promise<Attempt> {
  const { policy, signal } = task;
  const token = deps.token();
  const requirement = token === null ? wanted : stricterOf(wanted, { atLeast: token });
  const since = deps.now();
  let response: GraphQLResponse = {};
  let failure: unknown = null;
  try {
    response = await task.send(requirement, signal);
  } catch (error) {
    if (signal?.aborted === true) throw error;
    failure = error ?? new Error('no answer');
  }
  const contracts = new Contracts(response.extensions, since);
  deps.saw(token, contracts, response.errors ?? []);
  const contract = contracts.weakest(deps.now(), policy);
  const decision =
    failure === null ? judge(response, contracts, contract, policy, waited()) : failed(policy, waited(), []);
  return { response, contracts, contract, decision, requirement, failure };
}

function judge(
  { errors = [] }: GraphQLResponse,
  { unmet }: Contracts,
  contract: Contract | null,
  policy: Policy,
  waitedMs: number,
): Decision {
  const codes = errors.map(codeOf);
  if (!codes.every((code) => code === 'CONSISTENCY_UNMET')) return failed(policy, waitedMs, codes);
  const retries = [...unmet.map(({ retryAfterMs }) => retryAfterMs), ...errors.map(retryAfterOf)];
  return decide(contract, policy, {
    waitedMs,
    unmet: codes.length > 0 || unmet.length > 0,
    retryAfterMs: retries.reduce<number | null>((a, b) => (a === null || b === null ? (a ?? b) : Math.max(a, b)), null),
  });
}

const retryAfterOf = ({ extensions }: GraphQLFailure): number | null =>
  typeof extensions?.['retryAfterMs'] === 'number' ? extensions['retryAfterMs'] : null;

function failed(policy: Policy, waitedMs: number, reasons: readonly string[]): Decision {
  const left = policy.patienceMs - waitedMs;
  const why = [{ code: 'FAILED', message: WHY.FAILED, reasons }] as const;
  if (left <= 0) return { action: 'FALL_BACK', why, stricter: null, waitMs: null };
  return { action: 'WAIT', why, stricter: null, waitMs: Math.min(left, Math.max(1, policy.retry.baseMs)) };
}

export const codeOf = ({ extensions }: GraphQLFailure): string =>
  typeof extensions?.['code'] === 'string' ? extensions['code'] : 'UNKNOWN';
