/** A program of a client, made at random: it writes, lets CDC pause, and demands. What it is told is judged by hand-written sentences. */
import fc from 'fast-check';
import { headerOf } from '../../client/index.js';
import type { Claim, Contract } from '../../lab/history/types.js';
import { broken, demandAtRandom } from '../../lab/simulation/demands.js';
import type { Random } from '../../lab/simulation/random.js';
import type { Demand } from '../../src/planner/requirement.js';
import { decodeToken, encodeToken, type Token } from '../../src/position/token.js';
import { CONTRACT } from './graphql.js';
import { untrue, type OrderAnswer, type OrderWriter } from './order-writer.js';

export const PROGRAM = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.constant('write' as const) },
    { weight: 6, arbitrary: fc.constant('read' as const) },
    { weight: 1, arbitrary: fc.constant('pause' as const) },
    { weight: 1, arbitrary: fc.constant('resume' as const) },
  ),
  { minLength: 6, maxLength: 12, size: 'max' },
);
export type Step = 'write' | 'read' | 'pause' | 'resume';

export interface ProgramWorld {
  readonly urls: readonly string[];
  readonly writer: OrderWriter;
  readonly connector: (action: 'pause' | 'resume') => Promise<Response>;
  /** What came of a demand, for the record. */
  readonly told: (what: string) => void;
}

interface Reply {
  readonly data?: { readonly order?: Served | null; readonly awaitIngested?: Receipt | null } | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
  readonly extensions?: { readonly consistency?: Consistency };
}
interface Served extends OrderAnswer {
  readonly quantity: OrderAnswer['quantity'] & {
    readonly confidenceLevel: Contract['level'];
    readonly consistencyScope: Contract['scope'];
    readonly servedBy: string;
    readonly stalenessMs: number | null;
  };
}
interface Receipt {
  readonly token: string;
  readonly missing: readonly string[];
}
interface Consistency {
  readonly token: string | null;
  readonly unmet?: readonly object[];
}

async function send(url: string, query: string, demand: string): Promise<Reply> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(demand !== '' && { 'tidemark-consistency': demand }) },
    body: JSON.stringify({ query }),
    signal: AbortSignal.timeout(15_000),
  });
  return (await response.json()) as Reply;
}

/** As the header carries it. */
function asHeader({ minConfidence, scope, maxStalenessMs, atLeast, onUnmet, timeoutMs }: Demand): string {
  // To wait without a time to wait is refused.
  const waitMs = timeoutMs === 0 ? 1 : timeoutMs;
  const given = {
    minConfidence,
    scope,
    maxStalenessMs,
    onUnmet,
    timeoutMs: waitMs,
    atLeast: atLeast && encodeToken(atLeast),
  };
  return headerOf(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)));
}

/** What may be said instead of an answer. */
const SAYS_NO = new Set(['CONSISTENCY_UNMET', 'POSTGRES_BUSY', 'STORE_UNAVAILABLE', 'TOKEN_FOREIGN']);

/** @returns sentences that were false */
export async function runProgram(
  world: ProgramWorld,
  n: number,
  random: Random,
  steps: readonly Step[],
): Promise<string[]> {
  const { urls, writer, connector, told } = world;
  const orderId = `P${n % 5}-${n}`;
  const found: string[] = [];
  let token: Token | null = null;
  /** What the session saw and wrote: an answer that keeps its token shows no less. */
  let known = 0;

  const write = async (): Promise<void> => {
    const written = await writer.write(orderId);
    const query = `{ awaitIngested(eventIds: ["${written.eventId}"]) { token missing } }`;
    const { data } = await send(random.pick(urls), query, '');
    if (data?.awaitIngested == null || data.awaitIngested.missing.length > 0) return told('write not confirmed');
    writer.accepted(written);
    known = Math.max(known, written.version);
    token = later(token, decodeToken(data.awaitIngested.token));
  };

  const read = async (): Promise<void> => {
    const scope = random.pick(['STRONG', 'EVENTUAL', null] as const);
    const spoken = token === null ? null : { incarnation: token.incarnation, position: Number(token.position) };
    const demand = demandAtRandom(random, scope, spoken);
    const due = writer.due(orderId);
    const query = `{ order(orderId: "${orderId}") { quantity { value ${CONTRACT} } } }`;
    const { data, errors, extensions } = await send(random.pick(urls), query, asHeader(demand));
    if (errors !== undefined) {
      for (const { message, extensions: { code = 'none' } = {} } of errors) {
        told(code === 'CONSISTENCY_UNMET' ? 'unmet' : code);
        if (!SAYS_NO.has(code)) found.push(`${code}: ${message}`);
      }
      return;
    }
    const { consistency } = extensions ?? {};
    const met = (consistency?.unmet ?? []).length === 0;
    const order = data?.order ?? null;
    told(met ? `met by ${order?.quantity.servedBy ?? 'a null'}` : 'unmet');
    if (order === null && (!met || known === 0)) return;
    if (order === null) {
      // Nothing may be shown of what is not there: unless its token says that it is.
      if (met && keeps(demand, token)) found.push(`${orderId}: nothing is shown, ${known} is known`);
      return;
    }
    found.push(...broken(demand, met, [claimOf(order)]));
    const sentence = untrue(writer, orderId, due, order);
    if (sentence !== null) found.push(sentence);
    const shown = order.quantity.value ?? 0;
    if (met && keeps(demand, token) && shown < known) found.push(`${orderId}: ${shown} is shown, ${known} is known`);
    if (!met) return;
    known = Math.max(known, shown);
    if (consistency?.token != null) token = later(token, decodeToken(consistency.token));
  };

  for (const step of steps) {
    if (step === 'write') await write();
    else if (step === 'read') await read();
    else await connector(step);
  }
  return found;
}

const later = (a: Token | null, b: Token): Token =>
  a !== null && a.incarnation === b.incarnation && a.position > b.position ? a : b;

/** Does the demand carry all that the session knows? */
const keeps = ({ atLeast }: Demand, token: Token | null): boolean =>
  atLeast !== null && token !== null && atLeast.incarnation === token.incarnation && atLeast.position >= token.position;

function claimOf({ quantity }: Served): Claim {
  const { confidenceLevel: level, consistencyScope: scope, servedBy, stalenessMs, provenAt } = quantity;
  return { contract: { level, scope, servedBy, stalenessMs, provenAt } } as unknown as Claim;
}
