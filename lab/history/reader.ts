/** One client: it asks, one question after the other, and writes down what it was told and when. */
import type { HistoryFile } from './file.js';
import type { Channel } from './channel.js';
import { now } from './now.js';
import type { Question } from './queries.js';
import type { Answer, Claim, Instant, Token } from './types.js';

export interface Asking {
  readonly file: Pick<HistoryFile, 'write'>;
  readonly nextId: () => number;
  /** Changes with every life of the server that was noticed: what a server saw, another one need not have seen. */
  readonly server: () => string;
  readonly unreachable: () => void;
  readonly heard: (claims: number) => void;
}

const TIMEOUT_MS = 10_000;

/** `2.<incarnation>.<position>.<check>` (docs/TOKENS.md): all that a token of version 2 says. */
const TOKEN = /^2\.([A-Za-z0-9-]{1,64})\.(\d{1,19})\.[0-9a-f]{8}$/;

/** What a token says; null: it is not one of version 2. */
export function tokenOf(text: string | null | undefined): Token | null {
  if (text == null) return null;
  const [, incarnation, position] = TOKEN.exec(Buffer.from(text, 'base64url').toString('latin1')) ?? [];
  return incarnation === undefined ? null : { incarnation, position: Number(position) };
}

/** The greater position of two tokens; null: none was sent. */
function newer(a: string | null, b: string | null): number | null {
  const positions = [tokenOf(a)?.position, tokenOf(b)?.position].filter((position) => position !== undefined);
  return positions.length === 0 ? null : Math.max(...positions);
}

/** The answer as it was written down, and its token as it came. */
export interface Told {
  readonly answer: Answer;
  readonly token: string | null;
}

export async function ask(asking: Asking, session: string, question: Question, channel: Channel): Promise<Told> {
  const server = asking.server();
  const { demand, name } = question;
  // What the client itself keeps and sends along was known to it when it asked.
  const held = question.asIs === true ? null : newer(demand.token, channel.token);
  let unmet = false;
  const started = now();
  let claims: Claim[] = [];
  let error: string | undefined;
  let token: string | null = null;
  let ended: Instant;
  try {
    const body = await channel.ask(question.query, TIMEOUT_MS);
    ended = now();
    if (body.errors !== undefined) error = body.errors.map(({ message }) => message).join('; ');
    token = body.extensions?.consistency?.token ?? null;
    unmet = (body.extensions?.consistency?.unmet ?? []).length > 0;
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
    query: name,
    asked: demand.scope,
    atLeast: held,
    token: tokenOf(token),
    ...(demand.needs && { needs: demand.needs }),
    ...(unmet && { unmet }),
    ...(channel.way !== 'http' && { way: channel.way }),
    claims,
    ...(error === undefined ? {} : { error: error.slice(0, 500) }),
  };
  asking.file.write(answer);
  asking.heard(claims.length);
  return { answer, token };
}
