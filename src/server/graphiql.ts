/** GraphiQL as one self-contained page: it needs no internet. */
import { gzipSync } from 'node:zlib';
import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SAVED_QUERIES } from './saved-queries.js';

/** Everything is inline or comes from this server. */
const POLICY =
  "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; worker-src blob:; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export class Graphiql {
  private page: { readonly plain: Buffer; readonly zipped: Buffer } | null = null;

  send(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const zip = request.headers['accept-encoding']?.includes('gzip') === true;
    void reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', POLICY)
      .header('vary', 'accept, accept-encoding');
    if (zip) void reply.header('content-encoding', 'gzip');
    const page = (this.page ??= render());
    return reply.send(zip ? page.zipped : page.plain);
  }
}

function render(): { readonly plain: Buffer; readonly zipped: Buffer } {
  const [first] = SAVED_QUERIES;
  const html = renderGraphiQL({
    title: 'Tidemark',
    defaultTabs: SAVED_QUERIES.map(({ query }) => ({ query })),
    ...(first === undefined ? {} : { defaultQuery: first.query }),
  });
  const plain = Buffer.from(html, 'utf8');
  return { plain, zipped: gzipSync(plain) };
}
