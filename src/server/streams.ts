/**
 * GraphQL over server-sent events: the protocol is the library's (graphql-sse), one stream per operation. Its queue of messages has no
 * bound, so the next event is asked for only when the last one was handed to the socket.
 */
import { setImmediate } from 'node:timers/promises';
import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { OperationTypeNode, type ExecutionResult } from 'graphql';
import { createHandler } from 'graphql-sse';
import type { Logger } from 'pino';
import { asError } from '../errors.js';
import { errorBody } from './errors.js';
import type { Connections } from './connections.js';
import type { Asked, Operations, Stream, Told } from './operations.js';
import type { ServerLimits } from './options.js';

export interface StreamDeps {
  readonly operations: Operations;
  readonly connections: Connections;
  readonly limits: ServerLimits;
  readonly logger: Logger;
  /** Counts a connection that was cut. */
  readonly cut: () => void;
}

const EVENT_STREAM = 'text/event-stream';

export function addStreams(app: FastifyInstance, deps: StreamDeps): void {
  const handle = createHandler<FastifyRequest, Pump>({
    // One stream per operation: streams that are reserved by a token would stay until somebody takes them.
    authenticate: () => null,
    onSubscribe: async ({ context }, params) =>
      (await result(deps.operations, params, () => context.tooSlow())) as AsyncGenerator<ExecutionResult>,
    onNext: (_context, { context }) => context.room(),
  });
  app.route({
    method: ['GET', 'POST'],
    url: '/graphql/stream',
    async handler(request, reply) {
      if (request.headers.accept !== EVENT_STREAM)
        return reply.code(406).send(errorBody('NOT_ACCEPTABLE', `Send accept: ${EVENT_STREAM}.`));
      const leave = deps.connections.enter(request.ip);
      if (leave === null)
        return reply.code(429).send(errorBody('SUBSCRIPTION_LIMIT', 'Too many connections: end one, or try later.'));
      reply.raw.once('close', leave);
      const pump = new Pump(reply.raw, deps);
      const [body, init] = await handle({
        method: request.method,
        url: request.url,
        headers: { get: (name) => headerOf(request, name) },
        body: () => request.body as Record<string, unknown>,
        raw: request,
        context: pump,
      });
      if (body === null || body === undefined || typeof body === 'string') {
        leave();
        return reply
          .code(init.status)
          .headers(init.headers ?? {})
          .send(body ?? '');
      }
      await pump.run(begin(reply, init.status, init.headers ?? {}), body as AsyncGenerator<string>);
      return reply;
    },
  });
}

const headerOf = (request: FastifyRequest, name: string): string | undefined => {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
};

/** Takes the response over from Fastify, with the headers that it has by now. */
function begin(
  reply: FastifyReply,
  status: number,
  headers: Readonly<Record<string, string | undefined>>,
): ServerResponse {
  reply.hijack();
  for (const [name, value] of Object.entries({ ...reply.getHeaders(), ...headers }))
    if (value !== undefined) reply.raw.setHeader(name, value);
  reply.raw.writeHead(status);
  return reply.raw;
}

/** What the library sends: whatever it is, as a stream of answers. */
async function result(operations: Operations, asked: Asked, tooSlow: () => void): Promise<Stream> {
  const read = operations.read(asked);
  if (!('document' in read)) return only({ errors: read.map((error) => operations.format(error)) });
  if (read.type === OperationTypeNode.MUTATION)
    return only({ errors: [{ message: 'Send mutations to /graphql.', extensions: { code: 'BAD_REQUEST' } }] });
  let slow = false;
  const answer = await operations.execute(asked, read.document, () => {
    slow = true;
    tooSlow();
  });
  return Symbol.asyncIterator in answer ? withLastWord(answer, () => slow) : only(answer);
}

async function* only(told: Told): AsyncGenerator<Told, undefined> {
  yield told;
  return undefined;
}

const TOO_SLOW: Told = {
  errors: [
    {
      message: 'Events were taken more slowly than they came: go on with `after`, the id of the last one.',
      extensions: { code: 'SUBSCRIBER_TOO_SLOW' },
    },
  ],
};

/** A stream has no codes of its own to close with. */
function withLastWord(stream: Stream, slow: () => boolean): Stream {
  let said = false;
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      const next = await stream.next();
      if (next.done !== true || !slow() || said) return next;
      said = true;
      return { done: false, value: TOO_SLOW };
    },
    return: async () => (await stream.return?.()) ?? { done: true, value: undefined },
  };
}

/** Writes one message after the other, and knows whether the last one has left. */
class Pump {
  private writing = false;
  private written = (): void => undefined;

  constructor(
    private readonly raw: ServerResponse,
    private readonly deps: Pick<StreamDeps, 'limits' | 'logger' | 'cut'>,
  ) {}

  tooSlow(): void {
    this.deps.cut();
  }

  /** Resolves when another message may be queued. */
  async room(): Promise<void> {
    // The one before is taken out of the library's queue first.
    await setImmediate();
    if (!this.writing) return;
    const timer = setTimeout(() => {
      this.deps.cut();
      this.raw.destroy();
    }, this.deps.limits.subscriptions.slowMs);
    await new Promise<void>((resolve) => {
      this.written = resolve;
    });
    clearTimeout(timer);
  }

  async run(raw: ServerResponse, messages: AsyncGenerator<string>): Promise<void> {
    const gone = (): void => void messages.return(undefined);
    raw.once('close', gone);
    try {
      for await (const message of messages) {
        if (!raw.writable) break;
        this.writing = true;
        await new Promise<void>((resolve) => {
          raw.once('close', resolve);
          raw.write(message, () => {
            raw.off('close', resolve);
            resolve();
          });
        });
        this.writing = false;
        this.written();
      }
    } catch (error) {
      this.deps.logger.warn({ err: asError(error) }, 'an event stream broke');
    } finally {
      this.writing = false;
      this.written();
      raw.off('close', gone);
      raw.end();
    }
  }
}
