/** One client: it asks, one question after the other, and writes down what it was told and when. */
import type { HistoryFile } from './file.js';
import { now } from './now.js';
import type { Data, Extensions, Question } from './queries.js';
import type { Answer, Claim, Instant } from './types.js';

export interface Asking {
  readonly url: string;
  readonly file: Pick<HistoryFile, 'write'>;
  readonly nextId: () => number;
  /** Changes with every life of the server that was noticed: what a server saw, another one need not have seen. */
  readonly server: () => string;
  readonly unreachable: () => void;
  readonly heard: (claims: number) => void;
}

const TIMEOUT_MS = 10_000;

export async function ask(asking: Asking, session: string, question: Question): Promise<Answer> {
  const server = asking.server();
  const started = now();
  let claims: Claim[] = [];
  let error: string | undefined;
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
    asked: question.asked,
    atLeast: null,
    claims,
    ...(error === undefined ? {} : { error: error.slice(0, 500) }),
  };
  asking.file.write(answer);
  asking.heard(claims.length);
  return answer;
}
