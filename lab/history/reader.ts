/** One client: it asks, one question after the other, and writes down what it was told and when. */
import type { HistoryFile } from './file.js';
import { now } from './now.js';
import type { Data, Extensions, Question } from './queries.js';
import type { Answer, Claim, Instant, Token } from './types.js';

export interface Asking {
  /** The server's GraphQL address. */
  readonly url: string;
  readonly file: Pick<HistoryFile, 'write'>;
  readonly nextId: () => number;
  /** Changes with every life of the server that was noticed: what a server saw, another one need not have seen. */
  readonly server: () => string;
  readonly unreachable: () => void;
  readonly heard: (claims: number) => void;
}

const TIMEOUT_MS = 10_000;

/** What a token says; null: it is not one of version 1. */
export function tokenOf(text: string | null | undefined): Token | null {
  if (text == null) return null;
  try {
    const body = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Record<string, unknown>;
    if (body['v'] !== 1) return null;
    return { incarnation: String(body['incarnation']), position: Number(body['position']) };
  } catch {
    return null;
  }
}

/** The answer as it was written down, and its token as it came. */
export interface Told {
  readonly answer: Answer;
  readonly token: string | null;
}

export async function ask(asking: Asking, session: string, question: Question): Promise<Told> {
  const server = asking.server();
  const started = now();
  let claims: Claim[] = [];
  let error: string | undefined;
  let token: string | null = null;
  let ended: Instant;
  try {
    const response = await fetch(asking.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: question.query }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    ended = now();
    const body = JSON.parse(text) as {
      data?: Data | null;
      errors?: readonly { message: string }[];
      extensions?: Extensions;
    };
    if (body.errors !== undefined) error = body.errors.map(({ message }) => message).join('; ');
    token = body.extensions?.consistency?.token ?? null;
    if (body.data != null) claims = question.claims(body.data, body.extensions);
  } catch (failure) {
    ended = now();
    asking.unreachable();
    error = failure instanceof Error ? failure.message : String(failure);
  }
  const answer: Answer = {
    type: 'answer',
    id: asking.nextId(),
    session,
    server,
    started,
    ended,
    query: question.name,
    asked: question.demand.scope,
    atLeast: tokenOf(question.demand.token)?.position ?? null,
    token: tokenOf(token),
    claims,
    ...(error === undefined ? {} : { error: error.slice(0, 500) }),
  };
  asking.file.write(answer);
  asking.heard(claims.length);
  return { answer, token };
}
