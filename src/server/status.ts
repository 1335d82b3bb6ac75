/** How the parts of this server are: for `stores`, `/readyz` and people. */
import type { ProofSource } from '../contract/proof-port.js';
import type { WatchedConsumer } from '../log/port.js';
import type { Projection } from '../projections/run.js';
import type { StoreHealth } from '../resolvers/context.js';
import type { ReadModel } from '../stores/port.js';
import type { Readiness } from './options.js';

export interface HealthParts {
  readonly projections: readonly Projection[];
  readonly models: readonly ReadModel[];
  readonly proofs: ProofSource;
  /** Of result topics and of the source, by which records are taken in. */
  readonly consumers: readonly WatchedConsumer[];
  /** Of the projections, which say themselves what is wrong with their one partition. */
  readonly projectionConsumers: readonly WatchedConsumer[];
  /** Why expired results stay where they are. */
  readonly expiryProblems: () => readonly string[];
  readonly connectUrl: string;
  readonly connector: string;
}

export interface Health {
  readonly storeStatuses: () => Promise<readonly StoreHealth[]>;
  readonly readiness: () => Promise<Readiness>;
}

const CONNECT_TIMEOUT_MS = 1_000;

interface ConnectorStatus {
  readonly connector: { readonly state: string };
  readonly tasks: readonly { readonly state: string }[];
}

/** What Connect says; shown, never believed: only the applied position proves that changes flow. */
async function connectorDetail({ connectUrl, connector }: HealthParts): Promise<string | null> {
  try {
    const answer = await fetch(`${connectUrl}/connectors/${encodeURIComponent(connector)}/status`, {
      signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS),
    });
    if (!answer.ok) return `the connector ${connector} is unknown to Kafka Connect (${answer.status})`;
    const status = (await answer.json()) as ConnectorStatus;
    const states = [status.connector.state, ...status.tasks.map((task) => task.state)];
    return states.every((state) => state === 'RUNNING') ? null : `CDC connector: ${[...new Set(states)].join(', ')}`;
  } catch {
    return 'Kafka Connect does not answer';
  }
}

async function readModelHealth(parts: HealthParts, index: number): Promise<StoreHealth> {
  const model = parts.models[index];
  const status = parts.projections[index]?.status();
  if (model === undefined || status === undefined) throw new RangeError(`no read model ${index}`);
  const problem =
    status.error?.message ??
    (status.progress === undefined
      ? null
      : `rebuilding, ${status.progress.rows} of ${status.progress.total} rows: ${status.progress.reason}`);
  try {
    // Asked of the store itself: another server may be the one that applies.
    const binding = await model.binding();
    if (binding.status === 'unbound') {
      return {
        store: model.store,
        healthy: false,
        appliedPosition: null,
        appliedCommittedAt: null,
        detail: problem ?? binding.reason,
      };
    }
    const { position, committedAt } = binding.applied;
    const detail = problem ?? (await connectorDetail(parts));
    return {
      store: model.store,
      healthy: status.state !== 'blocked',
      appliedPosition: position,
      appliedCommittedAt: committedAt,
      detail,
    };
  } catch (error) {
    return {
      store: model.store,
      healthy: false,
      appliedPosition: null,
      appliedCommittedAt: null,
      detail: (error as Error).message,
    };
  }
}

/** Everything that is not as it should be, in sentences. */
function problems(parts: HealthParts, stores: readonly StoreHealth[]): string[] {
  return [
    ...parts.consumers.flatMap((consumer) => consumer.troubles().map(({ message }) => message)),
    ...parts.projectionConsumers.flatMap((consumer) =>
      consumer.troubles().flatMap(({ place, message }) => (place === null ? [message] : [])),
    ),
    ...parts.projections.flatMap((projection) => {
      const { store, state, error } = projection.status();
      const told = error === undefined ? '' : `: ${error.message}`;
      return state === 'rebuilding' || state === 'blocked' || error !== undefined
        ? [`${store} is ${state}${told}`]
        : [];
    }),
    ...parts.expiryProblems(),
    ...stores.flatMap(({ store, healthy, detail }) => (healthy ? [] : [`${store}: ${detail ?? 'does not answer'}`])),
  ];
}

export function createHealth(parts: HealthParts): Health {
  let started = false;
  const postgres = async (): Promise<StoreHealth> => {
    const answer = await parts.proofs.prove().then(
      () => null,
      (error: Error) => error.message,
    );
    return {
      store: 'POSTGRES',
      healthy: answer === null,
      appliedPosition: null,
      appliedCommittedAt: null,
      detail: answer,
    };
  };
  const storeStatuses = (): Promise<readonly StoreHealth[]> =>
    Promise.all([postgres(), ...parts.models.map((_, index) => readModelHealth(parts, index))]);
  return {
    storeStatuses,
    /**
     * Ready the first time when all is well; after that for as long as any store answers: a server that can still answer
     * honestly must not be taken out because one of its stores is down. The reasons are told all the same.
     */
    async readiness(): Promise<Readiness> {
      const stores = await storeStatuses();
      const reasons = problems(parts, stores);
      started ||= reasons.length === 0;
      return { ready: started && stores.some(({ healthy }) => healthy), reasons };
    },
  };
}
