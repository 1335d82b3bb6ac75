import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { asError } from '../errors.js';
import { within } from '../contract/limit.js';
import type { Readiness } from './options.js';

const READY_MS = 2000;

/** `/healthz`: the process answers. `/readyz`: it can do its work. `/metrics`: Prometheus' text. */
export function addHealth(app: FastifyInstance, readiness: () => Promise<Readiness>, registry: Registry): void {
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const { ready, reasons } = await within(
      readiness(),
      READY_MS,
      () => new Error(`no answer within ${READY_MS} ms`),
    ).catch((error: unknown): Readiness => ({
      ready: false,
      reasons: [`readiness could not be determined: ${asError(error).message}`],
    }));
    void reply.code(ready ? 200 : 503);
    return { ready, reasons };
  });
  app.get('/metrics', async (_request, reply) => {
    void reply.type(registry.contentType);
    return registry.metrics();
  });
}
