/** How a client speaks to one server. */
import type { Data, Extensions } from './queries.js';

export interface Body {
  readonly data?: Data | null;
  readonly errors?: readonly { readonly message: string }[];
  readonly extensions?: Extensions;
}

export interface Channel {
  readonly way: string;
  /** Of an earlier answer, which this client keeps and sends along by itself; null: none. */
  readonly token: string | null;
  /** Rejects when no answer comes within its time. */
  ask(query: string, limitMs: number): Promise<Body>;
  close(): Promise<void>;
}

/** @param url GraphQL address */
export type Way = (url: string) => Channel;

export const overHttp: Way = (url) => ({
  way: 'http',
  token: null,
  ask: async (query, limitMs) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
      signal: AbortSignal.timeout(limitMs),
    });
    return JSON.parse(await response.text()) as Body;
  },
  close: async () => undefined,
});
