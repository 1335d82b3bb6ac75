import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config.js';
import { connectorConfig } from '../connector.js';
import { REPOSITORY } from '../paths.js';
import {
  connectProperties,
  elasticsearchSettings,
  kafkaProperties,
  MONGOD_ARGUMENTS,
  POSTGRES_SETTINGS,
  VERSIONS,
} from '../settings.js';
import { composeFile, composeText } from './file.js';
import { IMAGES } from './images.js';
import { brokerProperties, CONNECT_NAMES, workerProperties } from './kafka.js';
import { ELASTICSEARCH_PLACES } from './stores.js';
import type { Service } from './service.js';

const text = (name: string): string => readFileSync(join(REPOSITORY, name), 'utf8');
const file = composeFile();
const services = Object.entries(file.services);
const service = (name: string): Service => {
  const found = file.services[name];
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
};

/** What compose makes of a value, given `.env`. */
const resolved = (value: string, env: Readonly<Record<string, string>>): string =>
  value.replaceAll(/\$\$|\$\{(\w+)(?::[?-]([^}]*))?\}/g, (whole, name?: string, other?: string) =>
    name === undefined ? '$' : (env[name] ?? (whole.includes(':-') ? (other ?? '') : `<${name} missing>`)),
  );
const ENV = {
  POSTGRES_PASSWORD: 'app-password',
  POSTGRES_SUPERUSER_PASSWORD: 'superuser-password',
  CLICKHOUSE_PASSWORD: 'clickhouse-password',
  TIDEMARK_TOKEN: 'a-token-of-sixteen',
};
const environment = (name: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(service(name).environment ?? {}).map(([key, value]) => [key, resolved(value, ENV)]),
  );
const without = (record: Readonly<Record<string, unknown>>, ...keys: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).filter(([key]) => !keys.includes(key)));

test('docker-compose.yml is what stack/compose/generate.ts writes', () => {
  expect(text('docker-compose.yml')).toBe(composeText());
  expect(parse(text('docker-compose.yml'))).toEqual(JSON.parse(JSON.stringify(file)));
});

describe('every service', () => {
  test.each(services)('%s has a health check, or is a one-shot that is not restarted', (_name, one) => {
    if (one.restart === 'no') expect(one.healthcheck).toBeUndefined();
    else {
      expect(one.restart).toBe('unless-stopped');
      expect(one.healthcheck?.test).toHaveLength(2);
    }
  });

  test.each(services)('%s depends on others only by a condition that they can meet', (_name, one) => {
    for (const [needed, { condition }] of Object.entries(one.depends_on ?? {})) {
      const oneShot = service(needed).restart === 'no';
      expect(condition).toBe(oneShot ? 'service_completed_successfully' : 'service_healthy');
      // Who is started always can't wait for somebody who is started on request.
      if (one.profiles === undefined) expect(service(needed).profiles).toBeUndefined();
    }
  });

  test.each(services)('%s is an image of a whole version, with a memory limit and a bounded log', (_name, one) => {
    expect(one.image).toMatch(/:\d+\.\d+(\.\d+)*([.-][\w.]+)?$/);
    expect(one.mem_limit).toMatch(/^\d+[mg]$/);
    expect(one.logging.options['max-size']).toBe('10m');
  });

  test.each(services)('%s asks for every secret by a variable without which nothing starts', (_name, one) => {
    for (const [key, value] of Object.entries(one.environment ?? {})) {
      if (!/PASSWORD|TOKEN|URL/.test(key)) continue;
      expect(value).not.toMatch(/\$\{\w*(PASSWORD|TOKEN)\w*(:-[^}]*)?\}/);
    }
    expect(Object.values(environment(_name)).filter((value) => value.includes('missing>'))).toEqual([]);
  });

  test('only the server is published, on loopback', () => {
    const published = services.filter(([, one]) => one.ports !== undefined).map(([name]) => name);
    expect(published).toEqual(['server']);
    expect(service('server').ports?.map((port) => resolved(port, ENV))).toEqual(['127.0.0.1:4000:4000']);
  });

  test('every volume is named and belongs to one service, or to one program on several machines', () => {
    const used = services.flatMap(([name, one]) => (one.volumes ?? []).map((volume) => [volume.split(':')[0], name]));
    expect(Object.keys(file.volumes).sort()).toEqual([...new Set(used.map(([volume]) => volume))].sort());
    const shared = used.filter(([volume]) => used.filter(([other]) => other === volume).length > 1);
    expect(new Set(shared.map(([volume]) => volume))).toEqual(new Set(['flink-checkpoints']));
  });

  test('all start in an order: nobody waits for itself', () => {
    const started = new Set<string>();
    for (let round = 0; round < services.length; round += 1) {
      for (const [name, one] of services)
        if (Object.keys(one.depends_on ?? {}).every((needed) => started.has(needed))) started.add(name);
    }
    expect(started.size).toBe(services.length);
  });
});

describe('the settings are the stack’s', () => {
  test('Kafka, as the image reads its variables: only the addresses differ', () => {
    const read = Object.fromEntries(
      Object.entries(environment('kafka'))
        .filter(([name]) => name.startsWith('KAFKA_') && name !== 'KAFKA_HEAP_OPTS')
        .map(([name, value]) => [name.slice('KAFKA_'.length).toLowerCase().replaceAll('_', '.'), value]),
    );
    expect(read).toEqual(brokerProperties());
    const addresses = ['controller.quorum.voters', 'listeners', 'advertised.listeners'];
    const stack = kafkaProperties({ port: 1, controllerPort: 2, logDir: '/var/lib/kafka/data' });
    expect(without(read, ...addresses)).toEqual(without(stack, ...addresses));
    for (const address of addresses) expect(read[address]).toContain('909');
  });

  test('every internal topic of Kafka and Connect has one copy, and one is enough to write', () => {
    const copies = { ...brokerProperties(), ...workerProperties() };
    const factors = Object.entries(copies).filter(([key]) => /replication\.factor|min\.isr/.test(key));
    expect(factors).toHaveLength(9);
    expect(factors.filter(([, value]) => value !== '1')).toEqual([]);
  });

  /** What quay.io/debezium/connect's entry point does: own names first, then every CONNECT_ variable. */
  const asConnectReads = (env: Readonly<Record<string, string>>): Record<string, string> => {
    const named = Object.entries(CONNECT_NAMES).map(([key, name]) => [key, env[name] ?? '']);
    const prefixed = Object.entries(env)
      .filter(([name]) => name.startsWith('CONNECT_'))
      .map(([name, value]) => [name.slice('CONNECT_'.length).toLowerCase().replaceAll('_', '.'), value]);
    return Object.fromEntries([...prefixed, ...named]) as Record<string, string>;
  };

  test('Connect, as the image reads its variables: only addresses and the place of the password differ', () => {
    const read = asConnectReads(environment('connect'));
    expect(read).toEqual(workerProperties());
    const own = [
      'listeners',
      'rest.advertised.host.name',
      ...Object.keys(read).filter((key) => /^config\.prov/.test(key)),
    ];
    const stack = connectProperties({
      kafkaBrokers: 'kafka:9092',
      port: 8083,
      pluginPath: '/kafka/connect',
      secretsFolder: '',
    });
    expect(without(read, ...own)).toEqual(
      without(stack, ...own, 'config.providers.file.class', 'config.providers.file.param.allowed.paths'),
    );
  });

  test('no setting of Connect holds what its image would take apart', () => {
    // The image edits its file with sed and `@`.
    expect(Object.values(environment('connect')).filter((value) => /[@&\\\n]/.test(value))).toEqual([]);
  });

  test('the connector is told where the password is, and Connect has it there', () => {
    const reference = environment('setup').CONNECT_PASSWORD_REFERENCE;
    expect(reference).toBe('${env:TIDEMARK_POSTGRES_PASSWORD}');
    expect(environment('connect').TIDEMARK_POSTGRES_PASSWORD).toBe(ENV.POSTGRES_PASSWORD);
    const url = new URL(environment('setup').POSTGRES_URL ?? '');
    expect([url.hostname, url.port, url.password]).toEqual(['postgres', '5432', ENV.POSTGRES_PASSWORD]);
    const config = connectorConfig({ host: 'h', port: 1, user: 'u', password: reference ?? '', database: 'd' });
    expect(JSON.stringify(config)).not.toContain(ENV.POSTGRES_PASSWORD);
  });

  test('Postgres, MongoDB and Elasticsearch', () => {
    const settings = service('postgres').command?.filter((word) => word.includes('='));
    expect(settings).toEqual(Object.entries(POSTGRES_SETTINGS).map(([key, value]) => `${key}=${value}`));
    expect(service('mongodb').command).toEqual(['mongod', '--bind_ip_all', ...MONGOD_ARGUMENTS]);
    const stack = elasticsearchSettings({ port: 9200, data: '', logs: '' });
    expect(environment('elasticsearch')).toMatchObject({
      ...Object.fromEntries(
        Object.entries(without(stack, ...ELASTICSEARCH_PLACES)).map(([key, value]) => [key, String(value)]),
      ),
      'network.host': '0.0.0.0',
    });
  });

  test('the images are of the versions that the tests run', () => {
    expect(IMAGES.kafka.tag).toBe(`apache/kafka:${VERSIONS.kafka}`);
    expect(VERSIONS.postgres.startsWith(/:(\d+\.\d+)-/.exec(IMAGES.postgres.tag)?.[1] ?? 'none')).toBe(true);
    expect(IMAGES.elasticsearch.tag).toContain(`:${VERSIONS.elasticsearch}`);
    expect(IMAGES.connect.tag).toContain(`:${VERSIONS.debezium}`);
    expect(text('Dockerfile')).toContain(`FROM node:${process.versions.node.split('.')[0]}.`);
  });

  test('the server accepts its variables, and names no other', () => {
    const env = without(environment('server')) as Record<string, string>;
    const config = loadConfig(env);
    expect(config).toMatchObject({ TIDEMARK_HOST: '0.0.0.0', TIDEMARK_PORT: 4000, KAFKA_BROKERS: ['kafka:9092'] });
    const nodes = ['NODE_OPTIONS'];
    expect(Object.keys(env).filter((name) => !(name in config) && !nodes.includes(name))).toEqual([]);
  });
});

describe('the image', () => {
  test('takes neither tests nor secrets, and needs no package that is for development', () => {
    expect(text('.dockerignore').split('\n')).toEqual(expect.arrayContaining(['*', '**/*.test.ts', '.env']));
    expect(text('Dockerfile')).toContain('USER node');
    const manifest = JSON.parse(text('package.json')) as { devDependencies: Record<string, string> };
    const commands = services
      .filter(([, one]) => one.image.startsWith('tidemark:'))
      .map(([, one]) => one.command ?? []);
    const entries = commands.map((command) => command.find((word) => word.endsWith('.ts')) ?? '');
    const { files, packages } = closure([...entries, 'stack/compose/flows.ts']);
    expect(files.size).toBeGreaterThan(80);
    expect([...packages].filter((name) => name in manifest.devDependencies)).toEqual([]);
    const rooms = text('.dockerignore')
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
    expect([...files].filter((path) => !rooms.some((room) => path.startsWith(`${room}/`)))).toEqual([]);
    expect([...files].filter((path) => /\.test\.ts$|\/test-support\//.test(path))).toEqual([]);
  });
});

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s(?!type\b)[^'";]*?from\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|(?:^|\n)import\s*'([^']+)'/g;

/** Every file and package that is loaded when these start. */
function closure(entries: readonly string[]): { files: Set<string>; packages: Set<string> } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const queue = [...entries];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (files.has(path)) continue;
    files.add(path);
    for (const match of text(path).matchAll(IMPORT)) {
      const target = match[1] ?? match[2] ?? match[3] ?? '';
      if (target.startsWith('.')) queue.push(join(path, '..', target).replace(/\.js$/, '.ts'));
      else if (!target.startsWith('node:'))
        packages.add(
          target
            .split('/')
            .slice(0, target.startsWith('@') ? 2 : 1)
            .join('/'),
        );
    }
  }
  return { files, packages };
}
