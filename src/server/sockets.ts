/**
 * GraphQL over WebSocket: the protocol is the library's (graphql-ws), here is who may connect, what a connection may take, and how
 * one that does not keep up is cut.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { GraphQLError, type ExecutionResult, type FormattedExecutionResult } from 'graphql';
import { CloseCode, handleProtocols, makeServer, type Context, type SubscribePayload } from 'graphql-ws';
import { WebSocketServer, type WebSocket } from 'ws';
import { asError } from '../errors.js';
import type { Logger } from 'pino';
import { mayConnect, type TokenCheck } from './access.js';
import type { Connections } from './connections.js';
import type { Asked, Operations } from './operations.js';
import type { ServerLimits } from './options.js';

/** Beside those of the protocol: the subscriber takes events more slowly than they come. It may come again, with `after`. */
export const TOO_SLOW = 4430;
const GOING_AWAY = 1001;

export interface SocketDeps {
  readonly operations: Operations;
  readonly connections: Connections;
  readonly limits: ServerLimits;
  /** Of pages from elsewhere that may connect. */
  readonly origins: readonly string[];
  /** null: none is asked for. */
  readonly check: TokenCheck | null;
  readonly logger: Logger;
  /** Counts a connection that was cut. */
  readonly cut: () => void;
}

export interface Sockets {
  /** Tells everybody, and cuts who has not gone within `ms`. */
  close(ms: number): Promise<void>;
}

interface Peer extends Record<PropertyKey, unknown> {
  readonly socket: WebSocket;
  /** It came with the token in its headers, or none is asked for. */
  readonly trusted: boolean;
  readonly tooSlow: () => void;
  /** null: before connection_init. */
  session: Session | null;
}
type Session = Context<Record<string, unknown> | undefined, Peer>;

export function addSockets(app: FastifyInstance, deps: SocketDeps): Sockets {
  const { connections, limits, check, logger } = deps;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.bodyBytes,
    handleProtocols: (protocols) => handleProtocols(protocols),
  });
  const protocol = protocolOf(deps);
  let closing = false;

  app.server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', (err) => logger.debug({ err }, 'a connection broke while it was upgraded'));
    const path = (request.url ?? '').split('?', 1)[0];
    if (path !== '/graphql') return refuse(stream, 404, 'Not Found');
    if (closing) return refuse(stream, 503, 'Service Unavailable');
    if (!mayConnect(request.headers.origin, request.headers.host, deps.origins))
      return refuse(stream, 403, 'Forbidden');
    const { authorization } = request.headers;
    // A browser can't send the header: without one, the token is asked for in connection_init.
    if (check !== null && authorization !== undefined && !check(authorization))
      return refuse(stream, 401, 'Unauthorized');
    const leave = connections.enter(request.socket.remoteAddress ?? '');
    if (leave === null) return refuse(stream, 429, 'Too Many Requests');
    stream.once('close', leave);
    sockets.handleUpgrade(request, stream, head, (socket) =>
      serve(deps, protocol, socket, check === null || authorization !== undefined),
    );
  });

  return {
    async close(ms) {
      closing = true;
      const gone = [...sockets.clients].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
      for (const socket of sockets.clients) socket.close(GOING_AWAY, 'Going away');
      const timer = setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate();
      }, ms);
      await Promise.all(gone);
      clearTimeout(timer);
      sockets.close();
    },
  };
}

function refuse(stream: Duplex, status: number, reason: string): void {
  stream.end(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function protocolOf({ operations, limits, check }: SocketDeps) {
  const { perConnection } = limits.subscriptions;
  return makeServer<Record<string, unknown> | undefined, Peer>({
    onConnect(session) {
      const { connectionParams, extra } = session;
      extra.session = session;
      return extra.trusted || check?.(tokenIn(connectionParams) ?? '') === true;
    },
    onSubscribe({ subscriptions, extra }, _id, payload) {
      if (Object.keys(subscriptions).length > perConnection)
        return [
          new GraphQLError(
            `A connection has at most ${perConnection} operations under way: end one, or open another.`,
            {
              extensions: { code: 'SUBSCRIPTION_LIMIT' },
            },
          ),
        ];
      const asked = askedOf(payload);
      const read = operations.read(asked);
      if (!('document' in read)) return [...read];
      return { schema: operations.schema, document: read.document, contextValue: { asked, tooSlow: extra.tooSlow } };
    },
    execute: executed(operations),
    subscribe: executed(operations),
    // As it is: its errors have their shape already, and its ages are told when it becomes text.
    onNext: (_session, _id, _payload, _args, result) => result as FormattedExecutionResult,
    onError: (_session, _id, _payload, errors) => errors.map((error) => operations.format(error)),
  });
}

const askedOf = ({ query, operationName, variables }: SubscribePayload): Asked => ({ query, operationName, variables });

const executed =
  (operations: Operations) =>
  async (args: { document: unknown; contextValue?: unknown }): Promise<ExecutionResult> => {
    const { asked, tooSlow } = args.contextValue as { asked: Asked; tooSlow: () => void };
    return (await operations.execute(asked, args.document as never, tooSlow)) as ExecutionResult;
  };

const tokenIn = (params: Readonly<Record<string, unknown>> | undefined): string | undefined => {
  const given = params?.['authorization'] ?? params?.['Authorization'];
  return typeof given === 'string' ? given : undefined;
};

function serve(
  { limits, logger, cut }: SocketDeps,
  protocol: ReturnType<typeof protocolOf>,
  socket: WebSocket,
  trusted: boolean,
): void {
  const { slowMs, buffered, keepAliveMs } = limits.subscriptions;
  const tooSlow = (): void => {
    if (socket.readyState !== socket.OPEN) return;
    cut();
    socket.close(TOO_SLOW, 'SUBSCRIBER_TOO_SLOW');
    // Nothing is read for it any more, though it may take long until it is gone.
    for (const each of Object.values(peer.session?.subscriptions ?? {}))
      if (each !== null && 'return' in each) void each.return(undefined);
  };
  const peer: Peer = { socket, trusted, tooSlow, session: null };
  const send = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      if (socket.readyState !== socket.OPEN) return resolve();
      if (socket.bufferedAmount > buffered) {
        tooSlow();
        return resolve();
      }
      const timer = setTimeout(() => {
        tooSlow();
        resolve();
      }, slowMs);
      socket.send(text, (error) => {
        clearTimeout(timer);
        if (error === undefined || error === null) resolve();
        else reject(error);
      });
    });
  const broke = (error: unknown): void => {
    logger.debug({ err: asError(error) }, 'a WebSocket broke');
    if (socket.readyState === socket.OPEN) socket.close(CloseCode.InternalServerError, 'Internal server error');
  };
  const stopPings = keepAlive(socket, keepAliveMs);
  socket.on('error', broke);
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      send,
      close: (code, reason) => socket.close(code, reason),
      onMessage: (handle) =>
        socket.on('message', (data) => {
          // Of the types that ws knows, this is the one it gives.
          handle((data as Buffer).toString('utf8')).catch(broke);
        }),
    },
    peer,
  );
  socket.once('close', (code, reason) => {
    stopPings();
    void Promise.resolve(closed(code, String(reason))).catch(broke);
  });
}

/** A peer that does not answer a ping is gone. */
function keepAlive(socket: WebSocket, everyMs: number): () => void {
  let answered = true;
  socket.on('pong', () => (answered = true));
  const timer = setInterval(() => {
    if (!answered) return socket.terminate();
    answered = false;
    socket.ping();
  }, everyMs);
  return () => clearInterval(timer);
}
