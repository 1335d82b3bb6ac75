/** What a server says of each part of the path: asked of its public API again and again. */
export interface Said {
  readonly atMs: number;
  readonly states: ReadonlyMap<string, string>;
}

const REQUEST_MS = 10_000;

export async function liveness(graphqlUrl: string): Promise<Said> {
  const response = await fetch(graphqlUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"query":"{ liveness { subject state } }"}',
    signal: AbortSignal.timeout(REQUEST_MS),
  });
  const { data } = (await response.json()) as { data: { liveness: { subject: string; state: string }[] } };
  return { atMs: performance.now(), states: new Map(data.liveness.map(({ subject, state }) => [subject, state])) };
}
