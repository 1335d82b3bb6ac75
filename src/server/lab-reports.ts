/** Lab mode: the report of a run as a page of its own. With a token configured it is asked for here as everywhere. */
import type { FastifyInstance } from 'fastify';
import type { FaultDesk } from '../lab/port.js';
import { errorBody } from './errors.js';

/** It draws by scripts of its own that lie in it, may load nothing, and is no page of this server's origin. */
const POLICY =
  "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export function addLabReports(app: FastifyInstance, desk: Pick<FaultDesk, 'report'>): void {
  app.get<{ Params: { id: string } }>('/lab/runs/:id', async (request, reply) => {
    const page = await desk.report(request.params.id);
    void reply.header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer');
    void reply.header('cache-control', 'no-store');
    if (page === null) return reply.code(404).send(errorBody('NOT_FOUND', 'There is no such run.'));
    return reply.header('content-security-policy', POLICY).type('text/html; charset=utf-8').send(page);
  });
}
