import { StackError } from './errors.js';

/** What listens, with the variable that moves it and its distance from TIDEMARK_PORT_BASE. */
export const PORTS = {
  server: { variable: 'TIDEMARK_PORT', offset: 0, who: 'the GraphQL server' },
  mongodb: { variable: 'TIDEMARK_MONGODB_PORT', offset: 17, who: 'MongoDB' },
  elasticsearch: { variable: 'TIDEMARK_ELASTICSEARCH_PORT', offset: 20, who: 'Elasticsearch' },
  clickhouse: { variable: 'TIDEMARK_CLICKHOUSE_PORT', offset: 23, who: 'ClickHouse' },
  postgres: { variable: 'TIDEMARK_POSTGRES_PORT', offset: 32, who: 'Postgres' },
  flinkRpc: { variable: 'TIDEMARK_FLINK_RPC_PORT', offset: 80, who: "Flink's JobManager" },
  flink: { variable: 'TIDEMARK_FLINK_PORT', offset: 81, who: "Flink's REST and web UI" },
  connect: { variable: 'TIDEMARK_CONNECT_PORT', offset: 83, who: 'Kafka Connect' },
  kafka: { variable: 'TIDEMARK_KAFKA_PORT', offset: 92, who: 'Kafka' },
  kafkaController: { variable: 'TIDEMARK_KAFKA_CONTROLLER_PORT', offset: 93, who: "Kafka's controller" },
} as const;

export type PortName = keyof typeof PORTS;
export type Ports = Readonly<Record<PortName, number>>;

export const PORT_NAMES = Object.keys(PORTS) as PortName[];
const DEFAULT_BASE = 4000;

/** Environment → one port for each listener. Pure; refuses what is no port and two listeners on one port. */
export function portsFrom(env: Readonly<Record<string, string | undefined>>): Ports {
  const base = portOf('TIDEMARK_PORT_BASE', env.TIDEMARK_PORT_BASE) ?? DEFAULT_BASE;
  const ports = {} as Record<PortName, number>;
  const owner = new Map<number, string>();
  for (const name of PORT_NAMES) {
    const { variable, offset } = PORTS[name];
    const port = portOf(variable, env[variable]) ?? base + offset;
    if (port > 65_535) {
      throw new StackError(
        'STACK_SETTING_INVALID',
        `TIDEMARK_PORT_BASE=${base} leaves no room for ${variable}: use at most 65442.`,
      );
    }
    const other = owner.get(port);
    if (other !== undefined) {
      throw new StackError(
        'STACK_SETTING_INVALID',
        `${other} and ${variable} both name port ${port}: give each its own.`,
      );
    }
    owner.set(port, variable);
    ports[name] = port;
  }
  return ports;
}

/** The sentence for a port that somebody else listens on. */
export function portInUse(name: PortName, port: number): StackError {
  const { who, variable } = PORTS[name];
  return new StackError(
    'STACK_PORT_IN_USE',
    `port ${port}, which ${who} needs, is in use: end the program that listens there, or set ${variable} (or TIDEMARK_PORT_BASE for all ports) to a free one.`,
  );
}

function portOf(variable: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) {
    throw new StackError('STACK_SETTING_INVALID', `${variable}=${text} is no port: use a number from 1 to 65535.`);
  }
  return port;
}
