/** Between Apollo Client and the server: requirements and tokens out, contracts in. Queries stay as they are. */
import { ApolloLink, type DefaultContext } from '@apollo/client';
import { OperationTypeNode, print, type DocumentNode } from 'graphql';
import { Observable, type Subscription } from 'rxjs';
import { Contracts, type GraphQLResponse } from '../answer.js';
import { systemClock, type Clock } from '../clock.js';
import { CONSISTENCY_HEADER, headerOf } from '../header.js';
import { DASHBOARD, type Policy } from '../policy.js';
import type { Send } from '../read.js';
import type { Requirement } from '../requirement.js';
import { Session } from '../session.js';
import { onTheWire } from './document.js';
import { fill } from './fill.js';

export interface LinkOptions {
  readonly session?: Session;
  /** Of operations that name none. Default: DASHBOARD. */
  readonly policy?: Policy;
  /** The session's. */
  readonly clock?: Clock;
}

/** `context: { tidemark: { policy, requirement } }` of an operation. */
export interface TidemarkContext {
  readonly policy?: Policy;
  readonly requirement?: Requirement;
}

interface Wire {
  readonly document: DocumentNode;
  readonly text: string;
}

type Operation = ApolloLink.Operation;

/** Goes before the terminating link. Operations other than queries only bring their token. */
export function consistencyLink(options: LinkOptions = {}): ApolloLink {
  const session = options.session ?? new Session(options.clock && { clock: options.clock });
  const clock = options.clock ?? systemClock;
  const wires = new WeakMap<DocumentNode, Wire>();
  const wireOf = (document: DocumentNode): Wire => {
    let wire = wires.get(document);
    if (wire === undefined) {
      const stripped = onTheWire(document);
      wires.set(document, (wire = { document: stripped, text: print(stripped) }));
    }
    return wire;
  };
  return new ApolloLink((operation, forward) => {
    if (operation.operationType !== OperationTypeNode.QUERY) return tapped(forward(operation), session, clock);
    const wire = wireOf(operation.query);
    const { policy, requirement } = (operation.getContext()['tidemark'] ?? {}) as TidemarkContext;
    const send: Send = (demand, signal) => first(forward(attemptOf(operation, wire.document, demand)), signal);
    return new Observable((subscriber) => {
      const abort = new AbortController();
      session
        .read(send, {
          policy: policy ?? options.policy ?? DASHBOARD,
          key: `${wire.text}\n${JSON.stringify(operation.variables)}`,
          signal: abort.signal,
          ...(requirement && { requirement }),
        })
        .then((answer) => {
          if (answer.response === null) throw answer.failure;
          subscriber.next(resultOf(answer.response, answer.dataContracts, operation.query));
          subscriber.complete();
        })
        .catch((error: unknown) => subscriber.error(error));
      return () => abort.abort(new Error('unsubscribed'));
    });
  });
}

/** What is older than the session's token is no answer: the cache would take back what was seen. */
function resultOf(response: GraphQLResponse, contracts: Contracts, document: DocumentNode): ApolloLink.Result {
  const { errors, extensions } = response;
  const message = 'What the server could give is older than what this session has seen.';
  const behind = [{ message, extensions: { code: 'CONSISTENCY_UNMET', retryable: true } }];
  const result = contracts.behindToken
    ? { data: null, errors: behind, extensions }
    : { data: fill(response.data, document, contracts), errors, extensions };
  return Object.fromEntries(Object.entries(result).filter(([, value]) => value !== undefined)) as ApolloLink.Result;
}

/** An operation of its own for each request: a probe may be under way beside it. */
function attemptOf(operation: Operation, query: DocumentNode, demand: Requirement): Operation {
  const header = headerOf(demand);
  let context: DefaultContext = { ...operation.getContext() };
  const headers = context['headers'] as Readonly<Record<string, string>> | undefined;
  context['headers'] = { ...headers, ...(header !== '' && { [CONSISTENCY_HEADER]: header }) };
  return {
    query,
    variables: operation.variables,
    operationName: operation.operationName,
    operationType: operation.operationType,
    extensions: operation.extensions,
    client: operation.client,
    getContext: () => context,
    setContext: (next: DefaultContext | ((previous: DefaultContext) => DefaultContext)) => {
      context = { ...context, ...(typeof next === 'function' ? next(context) : next) };
      // Links before this one look at it.
      if ('response' in context) operation.setContext({ response: context['response'] as unknown });
    },
  };
}

/** The first result; the server sends one. */
function first(results: Observable<ApolloLink.Result>, signal: AbortSignal | undefined): Promise<GraphQLResponse> {
  return new Promise((resolve, reject) => {
    const running: { subscription?: Subscription } = {};
    const stop = (): void => {
      running.subscription?.unsubscribe();
      reject(signal?.reason as Error);
    };
    const done = (act: () => void): void => {
      signal?.removeEventListener('abort', stop);
      act();
    };
    running.subscription = results.subscribe({
      next: (result) => done(() => resolve(result as GraphQLResponse)),
      error: (error: unknown) => done(() => reject(error instanceof Error ? error : new Error(String(error)))),
      complete: () => done(() => reject(new Error('no answer'))),
    });
    if (signal?.aborted === true) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}

function tapped(results: Observable<ApolloLink.Result>, session: Session, clock: Clock): Observable<ApolloLink.Result> {
  return new Observable((subscriber) =>
    results.subscribe({
      next: (result) => {
        session.observe(new Contracts((result as GraphQLResponse).extensions, clock()).token);
        subscriber.next(result);
      },
      error: (error: unknown) => subscriber.error(error),
      complete: () => subscriber.complete(),
    }),
  );
}
