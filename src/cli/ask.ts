export interface GraphqlAnswer {
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly errors: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

export interface AskOptions {
  readonly timeoutMs: number;
  /** The server's token, if it wants one. */
  readonly token?: string | undefined;
  readonly variables?: Readonly<Record<string, unknown>>;
}

/**
 * Asks a GraphQL server.
 *
 * @throws Error whose message says why there is no answer: in one part of a sentence, without the address.
 */
export async function askGraphql(url: string, query: string, options: AskOptions): Promise<GraphqlAnswer> {
  const { timeoutMs, token, variables } = options;
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query, ...(variables === undefined ? {} : { variables }) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body = (await response.json().catch(() => ({}))) as Partial<GraphqlAnswer>;
    if (!body.data && !body.errors) throw new Error(`HTTP ${response.status}`);
    return { data: body.data ?? null, errors: body.errors ?? [] };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const code = (cause as NodeJS.ErrnoException).code;
    const why = typeof code === 'string' ? code : cause instanceof Error ? cause.message : String(cause);
    throw new Error(why, { cause: error });
  }
}
