/** Apollo Client with the SDK's link. Questions carry no demand: the console shows what an answer is worth, good or bad. */
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { consistencyLink, contractTransform, possibleTypes, typePolicies } from '../../client/apollo/index.js';
import type { Policy } from '../../client/index.js';
import type { TokenStore } from './token.js';

const TIMEOUT_MS = 8_000;

/** Everything is shown, with its contract; nothing is asked for twice. */
export const CONSOLE_POLICY: Policy = {
  name: 'console',
  minConfidence: 'LOW',
  maxAgeMs: 5_000,
  refuse: [],
  ask: {},
  stricter: null,
  patienceMs: 0,
  fallback: 'AS_IS',
  lastGoodForMs: 0,
  retry: { attempts: 1, baseMs: 0, capMs: 0 },
  steady: { answers: 1, forMs: 0, atMostMs: 0, probeMs: 1_000 },
};

export function createClient(uri: string, tokens: TokenStore): ApolloClient {
  return new ApolloClient({
    link: withoutSession().concat(new HttpLink({ uri, fetch: (to, init) => send(to, init, tokens) })),
    cache: new InMemoryCache({ typePolicies, possibleTypes: possibleTypes() }),
    documentTransform: contractTransform(),
    devtools: { enabled: false },
  });
}

/**
 * A session for each question: one session over all of them would demand of each store what another has shown, and a store
 * that lags, which is what people come to see, would no longer be the one that answers.
 */
const withoutSession = (): ApolloLink =>
  new ApolloLink((operation, forward) => consistencyLink({ policy: CONSOLE_POLICY }).request(operation, forward));

function send(to: RequestInfo | URL, init: RequestInit | undefined, { token }: TokenStore): Promise<Response> {
  const headers = new Headers(init?.headers);
  if (token !== null) headers.set('authorization', `Bearer ${token}`);
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const signal = init?.signal ? AbortSignal.any([init.signal, limit]) : limit;
  return fetch(to, { ...init, headers, signal, cache: 'no-store', credentials: 'same-origin' });
}
