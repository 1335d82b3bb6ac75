/** The auditor of one server, as a job (docs/adr/0018): its parts, wired, and what it shows of itself. */
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { Counter, Gauge, type Registry } from 'prom-client';
import { Auditor, type AuditNews } from './audit/auditor.js';
import type { Config } from './config.js';
import { asError } from './errors.js';
import { startPeriodic, type Periodic } from './ingest/periodic.js';
import type { Highest } from './position/highest.js';
import { KINDS } from './schema/kinds/index.js';
import { kindOf } from './schema/result-kind.js';
import type { ReadModel } from './stores/port.js';

export interface AuditingParts {
  readonly config: Pick<Config, 'AUDIT_EVERY_MS' | 'AUDIT_ROWS'>;
  readonly pool: Pool;
  readonly highest: Highest;
  readonly models: readonly ReadModel[];
  readonly registry: Registry;
  readonly log: Logger;
}

/** null: this server does not audit. One bucket of one read model per period, the models in turn. */
export function startAuditing({ config, pool, highest, models, registry, log }: AuditingParts): Periodic | null {
  if (config.AUDIT_EVERY_MS === 0 || models.length === 0) return null;
  const news = auditMetrics(registry, log);
  const kinds = KINDS.map((kind) => kindOf(kind).kind);
  const auditor = new Auditor({ pool, highest, kinds, rows: config.AUDIT_ROWS, holder: randomUUID(), tell: news });
  let turn = 0;
  return startPeriodic({
    everyMs: config.AUDIT_EVERY_MS,
    run: async () => {
      const model = models[turn++ % models.length] as ReadModel;
      // A store that does not answer keeps no other from being audited.
      await auditor.round(model).catch((error: unknown) => news.failed(model.store, asError(error)));
    },
    onError: (err) => log.warn({ err }, 'the audit failed; it is tried again'),
  });
}

/** What the auditor tells of itself, as metrics and in the log. */
export function auditMetrics(registry: Registry, log: Logger): AuditNews {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
    new Counter({ name, help, labelNames, registers });
  const compared = counter('tidemark_audit_keys_total', 'Results of a store that were held against Postgres.', [
    'store',
  ]);
  const rounds = counter('tidemark_audit_rounds_total', 'Times that a whole store was compared.', ['store']);
  const failures = counter('tidemark_audit_failures_total', 'Rounds of the audit, or repairs, that failed.', ['store']);
  const found = counter('tidemark_divergences_found_total', 'Results that a store held otherwise than Postgres.', ['store', 'type']); // prettier-ignore
  const repaired = counter('tidemark_divergences_repaired_total', 'Of these, repaired and read again.', ['store']);
  const open = new Gauge({
    name: 'tidemark_divergences_open',
    help: 'Found and not repaired, when a round of the audit began: answers of the store are LOW there.',
    labelNames: ['store'],
    registers,
  });
  return {
    compared: (store, keys) => compared.inc({ store }, keys),
    found: (store, divergences) => {
      for (const { type } of divergences) found.inc({ store, type });
      const [{ kind, businessKey } = {}] = divergences;
      log.error(
        { store, kind, businessKey, found: divergences.length },
        'a read model holds something else than Postgres',
      );
    },
    repaired: (store, divergences) => {
      repaired.inc({ store }, divergences.length);
      log.warn({ store, repaired: divergences.length }, 'a read model was repaired from Postgres, and read again');
    },
    open: (store, divergences) => open.set({ store }, divergences),
    finished: (store) => rounds.inc({ store }),
    failed: (store, err) => {
      failures.inc({ store });
      log.warn({ err, store }, 'the audit of a read model failed; it is tried again');
    },
  };
}
