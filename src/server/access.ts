import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import bearerAuth from '@fastify/bearer-auth';
import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../errors.js';
import { CONSOLE_ROUTES } from './console.js';
import { errorBody } from './errors.js';

/** What a load balancer must be able to ask without a secret, and the page that asks a person for it. */
const OPEN: ReadonlySet<string> = new Set(['/healthz', '/readyz', ...CONSOLE_ROUTES]);

/** @throws AppError CONFIG_UNSAFE_BIND when others could reach the server and nothing would ask who they are */
export function refuseOpenBind(host: string, token: string | undefined): void {
  if (token !== undefined && token !== '') return;
  if (isLoopback(host)) return;
  throw new AppError(
    'CONFIG_UNSAFE_BIND',
    `TIDEMARK_HOST=${host} can be reached from other machines: set TIDEMARK_TOKEN too, or leave TIDEMARK_HOST at 127.0.0.1.`,
    { retryable: false, outcome: 'none' },
  );
}

/** How long a browser may remember what it was told. */
const PREFLIGHT_SECONDS = 600;

/**
 * Lets pages of these origins ask, and no others. To be set up before whoever asks for a token: a browser's preflight
 * carries none. Nothing is asked with the page's cookies: there are none.
 */
export async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  await app.register(cors, {
    origin: [...origins],
    methods: ['GET', 'POST'],
    allowedHeaders: ['content-type', 'authorization', 'apollo-require-preflight', 'tidemark-consistency'],
    maxAge: PREFLIGHT_SECONDS,
  });
}

/** Asks for `Authorization: Bearer <token>` on everything but the health checks and the files of the console. */
export async function requireToken(app: FastifyInstance, token: string): Promise<void> {
  await app.register(bearerAuth, { keys: new Set([token]), addHook: false, verifyErrorLogLevel: 'debug' });
  const verify = app.verifyBearerAuth;
  if (verify === undefined)
    throw new AppError('CONFIG_TOKEN', 'The token check could not be set up.', { retryable: false, outcome: 'none' });
  app.addHook('onRequest', (request, reply, done) => {
    if (OPEN.has(request.routeOptions.url ?? '')) return done();
    verify(request, reply, (error) => {
      if (error === undefined || error === null) return done();
      void reply
        .code(401)
        .header('www-authenticate', 'Bearer')
        .send(errorBody('UNAUTHENTICATED', 'Send the token of this server: Authorization: Bearer <TIDEMARK_TOKEN>.'));
    });
  });
}

/** Is this `Authorization` the one that is asked for? */
export type TokenCheck = (authorization: string) => boolean;

/** The same question for what Fastify does not route: WebSockets. Takes as long for any answer. */
export function tokenCheck(token: string): TokenCheck {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const expected = digest(`Bearer ${token}`);
  return (authorization) => timingSafeEqual(digest(authorization), expected);
}

/**
 * May a page of this origin open a WebSocket? Browsers let any page do that, without asking first as they do for JSON: a page from
 * elsewhere could read a server on this machine. Without an origin it is no browser.
 */
export function mayConnect(origin: string | undefined, host: string | undefined, allowed: readonly string[]): boolean {
  if (origin === undefined || allowed.includes(origin)) return true;
  try {
    return new URL(origin).host === host;
  } catch {
    return false;
  }
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
