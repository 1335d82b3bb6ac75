/** Other ways to a server than plain HTTP: a WebSocket that stays open, and the SDK, which keeps its session's token. */
import { createClient as createSocketClient } from 'graphql-ws';
import WebSocket from 'ws';
import { createClient } from '../../client/index.js';
import type { Body, Way } from '../history/channel.js';

export const overWebSocket: Way = (url) => {
  const client = createSocketClient({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    // Whoever asks hears at once that nobody is there; the next question opens another one.
    retryAttempts: 0,
    lazyCloseTimeout: 60_000,
    connectionAckWaitTimeout: 5_000,
  });
  return {
    way: 'ws',
    token: null,
    ask: (query, limitMs) =>
      new Promise<Body>((resolve, reject) => {
        let body: Body | null = null;
        let end: () => void = () => undefined;
        const timer = setTimeout(() => {
          end();
          settle(new Error(`no answer over the socket within ${limitMs} ms`));
        }, limitMs);
        const settle = (failure?: unknown): void => {
          clearTimeout(timer);
          if (body !== null) resolve(body);
          else reject(failure instanceof Error ? failure : new Error('the socket was closed without an answer'));
        };
        end = client.subscribe<Record<string, unknown>>(
          { query },
          {
            next: (value) => (body = value as unknown as Body),
            error: (failure) => {
              // What was asked was refused as a whole: an answer, too.
              if (Array.isArray(failure)) body = { errors: failure as readonly { readonly message: string }[] };
              settle(failure);
            },
            complete: () => settle(),
          },
        );
      }),
    close: async () => void (await client.dispose()),
  };
};

export const overSdk: Way = (url) => {
  const client = createClient({ url });
  return {
    way: 'sdk',
    get token() {
      return client.session.token;
    },
    ask: async (query, limitMs) =>
      (await client.request(query, { signal: AbortSignal.timeout(limitMs) })) as unknown as Body,
    close: async () => undefined,
  };
};
