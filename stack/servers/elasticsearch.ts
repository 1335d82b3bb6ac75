import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ELASTICSEARCH_JVM_OPTIONS, elasticsearchSettings } from '../settings.js';
import type { ComponentSpec } from '../process/component.js';
import type { ServerContext } from './context.js';
import { writeLogging } from './java.js';
import type { SystemUser } from './postgres-user.js';

export const elasticsearchUrl = (port: number): string => `http://127.0.0.1:${port}`;

export interface ElasticsearchInstall {
  readonly java: string;
  readonly home: string;
  /** It refuses to run as root. */
  readonly user: SystemUser | undefined;
}

/** One node of Elasticsearch: a small launcher, and the server as its child in the same process group. */
export function elasticsearchSpec(context: ServerContext, { java, home, user }: ElasticsearchInstall): ComponentSpec {
  const port = context.ports.elasticsearch;
  const folder = context.folder('elasticsearch');
  const at = (name: string): string => join(folder, name);
  for (const name of ['config', 'data', 'logs', 'tmp']) mkdirSync(at(name), { recursive: true, mode: 0o700 });
  const settings = elasticsearchSettings({ port, data: at('data'), logs: at('logs') });
  const lines = Object.entries(settings).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  writeFileSync(at('config/elasticsearch.yml'), `${lines.join('\n')}\n`);
  writeFileSync(at('config/jvm.options'), `${ELASTICSEARCH_JVM_OPTIONS.join('\n')}\n`);
  writeLogging(at('config'));
  if (user !== undefined) {
    const files = ['elasticsearch.yml', 'jvm.options', 'log4j2.properties'].map((name) => `config/${name}`);
    for (const name of ['', 'config', 'data', 'logs', 'tmp', ...files]) chownSync(at(name), user.uid, user.gid);
  }
  const properties = {
    'cli.name': 'server',
    'cli.script': join(home, 'bin', 'elasticsearch'),
    'cli.libs': 'lib/tools/server-cli',
    'es.path.home': home,
    'es.path.conf': at('config'),
    'es.distribution.type': 'zip',
    'es.java.type': 'ES_JAVA_HOME',
  };
  return {
    name: 'elasticsearch',
    command: java,
    // What bin/elasticsearch runs; the script itself asks for a JDK beside it, or for ES_JAVA_HOME.
    args: [
      '-Xms4m',
      '-Xmx64m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      ...Object.entries(properties).map(([key, value]) => `-D${key}=${value}`),
      '-cp',
      `${join(home, 'lib', '*')}:${join(home, 'lib', 'cli-launcher', '*')}`,
      'org.elasticsearch.launcher.CliToolLauncher',
    ],
    env: {
      ...context.env,
      HOME: folder,
      ES_TMPDIR: at('tmp'),
      ES_PATH_CONF: at('config'),
      ES_JAVA_OPTS: undefined,
      CLI_JAVA_OPTS: undefined,
      JAVA_TOOL_OPTIONS: undefined,
    },
    // It looks for its modules in the folder it is started in.
    cwd: home,
    ...(user && { user: { uid: user.uid, gid: user.gid } }),
    log: context.log('elasticsearch'),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 20_000,
    readyTimeoutMs: 120_000,
    isReady: () => isYellow(port),
  };
}

/** Every index that is there can be read and written. The minimal distribution answers neither `/` nor a ping. */
async function isYellow(port: number): Promise<boolean> {
  const url = `${elasticsearchUrl(port)}/_cluster/health?wait_for_status=yellow&timeout=1s`;
  const reply = await fetch(url, { signal: AbortSignal.timeout(3_000) });
  return reply.ok && ((await reply.json()) as { timed_out: boolean }).timed_out === false;
}
