/**
 * The console: static files that `npm run console` has built. They hold no figure; those come from /graphql, which asks for
 * the token. So that a browser, which sends none by itself, can show where to enter it, the files ask for none.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';

/** Everything comes from this server; nothing is inline, and nothing is evaluated. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Its name holds a digest of its content. */
const ASSETS = 'assets/';

const NOT_BUILT = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Tidemark console</title>
<p>The console has not been built here: run <code>npm run console</code> in this clone, then load this page again.</p></html>
`;

/** Where `npm run console` puts it (stack/install/console.ts). */
const BUILT = fileURLToPath(new URL('../../console/dist/site', import.meta.url));

/** The routes that need no token. */
export const CONSOLE_ROUTES = ['/console', '/console/*'] as const;

/** @param folder of what was built; it may come into being later */
export async function addConsole(app: FastifyInstance, folder = BUILT): Promise<void> {
  // Ours decide what is served, and say where it is only when it is there: the folder may not be yet.
  await app.register(fastifyStatic, {
    root: folder,
    serve: false,
    preCompressed: true,
    cacheControl: false,
    dotfiles: 'deny',
  });
  app.get('/console', (request, reply) => reply.redirect(withSlash(request.url), 302));
  app.get<{ Params: { '*': string } }>('/console/*', (request, reply) => {
    const path = request.params['*'];
    void reply.header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer');
    if (path === '') return sendPage(reply, folder);
    // By its new name, after another build; the page itself is looked up each time.
    void reply.header('cache-control', path.startsWith(ASSETS) ? 'public, max-age=31536000, immutable' : 'no-cache');
    return reply.sendFile(path);
  });
}

function sendPage(reply: FastifyReply, folder: string): FastifyReply {
  void reply.header('content-security-policy', POLICY).header('cache-control', 'no-cache');
  if (existsSync(join(folder, 'index.html'))) return reply.sendFile('index.html');
  return reply.code(503).type('text/html; charset=utf-8').header('cache-control', 'no-store').send(NOT_BUILT);
}

/** Relative, as the page's own addresses are: a proxy may have put it under another path. */
function withSlash(url: string): string {
  const question = url.indexOf('?');
  return `console/${question < 0 ? '' : url.slice(question)}`;
}
