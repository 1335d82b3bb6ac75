/** What a service of the compose file is made of, and what all of them have in common. */
export type Condition = 'service_healthy' | 'service_completed_successfully';

export interface HealthCheck {
  readonly test: readonly string[];
  readonly interval: string;
  readonly timeout: string;
  readonly retries: number;
  readonly start_period: string;
}

export interface Service {
  readonly image: string;
  readonly build?: { readonly context: string };
  readonly profiles?: readonly string[];
  readonly user?: string;
  readonly init?: boolean;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly ulimits?: Readonly<Record<string, { readonly soft: number; readonly hard: number }>>;
  readonly shm_size?: string;
  readonly healthcheck?: HealthCheck;
  readonly depends_on?: Readonly<Record<string, { readonly condition: Condition }>>;
  readonly mem_limit: string;
  readonly restart: 'unless-stopped' | 'no';
  readonly stop_grace_period?: string;
  readonly logging: typeof LOGGING;
}

/** Bounded, as everything that is left alone overnight. */
export const LOGGING = { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '3' } } as const;

/** The least that a service states itself; the rest is the same for all that run on. */
type Stated = Omit<Service, 'logging' | 'restart'>;

export const lasting = (stated: Stated & { readonly healthcheck: HealthCheck }): Service => ({
  ...stated,
  restart: 'unless-stopped',
  stop_grace_period: stated.stop_grace_period ?? '30s',
  logging: LOGGING,
});

/** Ends when its work is done; whoever depends on it waits for that. `docker compose up` runs it again, so it must be idempotent. */
export const oneShot = (stated: Stated): Service => ({ ...stated, restart: 'no', logging: LOGGING });

export const check = (command: string, times: Partial<Omit<HealthCheck, 'test'>> = {}): HealthCheck => ({
  test: ['CMD-SHELL', command],
  interval: '10s',
  timeout: '10s',
  retries: 6,
  start_period: '60s',
  ...times,
});

export const after = (condition: Condition, ...names: readonly string[]): Record<string, { condition: Condition }> =>
  Object.fromEntries(names.map((name) => [name, { condition }]));

export const healthy = (...names: readonly string[]) => after('service_healthy', ...names);
export const completed = (...names: readonly string[]) => after('service_completed_successfully', ...names);

/** Compose takes a `$` for the beginning of a variable. */
export const literal = (text: string): string => text.replaceAll('$', '$$$$');
