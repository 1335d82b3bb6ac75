import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { StackError } from '../errors.js';
import { kafkaProperties } from '../settings.js';
import type { ComponentSpec } from '../process/component.js';
import { javaArguments, writeLogging, writeProperties } from './java.js';
import { kafkaAnswers } from './topics.js';
import type { ServerContext } from './context.js';

/**
 * Kafka in KRaft mode: formats its folder at the first start.
 * @param settings added to or instead of those of settings.ts; tests put a link between the broker and its clients
 */
export async function kafkaSpec(
  context: ServerContext,
  java: string,
  lib: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<ComponentSpec> {
  const { ports } = context;
  const folder = context.folder('kafka');
  const logDir = join(folder, 'data');
  const properties = join(folder, 'server.properties');
  mkdirSync(logDir, { recursive: true });
  writeLogging(folder);
  const own = kafkaProperties({ port: ports.kafka, controllerPort: ports.kafkaController, logDir });
  writeProperties(properties, { ...own, ...settings });
  const base = javaArguments({ heapMb: 400, folder, lib });
  if (!existsSync(join(logDir, 'meta.properties'))) await format(java, base, properties, logDir);
  const brokers = `127.0.0.1:${ports.kafka}`;
  return {
    name: 'kafka',
    command: java,
    args: [...base, 'kafka.Kafka', properties],
    env: context.env,
    cwd: folder,
    log: context.log('kafka'),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 20_000,
    readyTimeoutMs: 180_000,
    isReady: () => kafkaAnswers(brokers),
  };
}

async function format(java: string, base: readonly string[], properties: string, logDir: string): Promise<void> {
  const args = [...base, 'kafka.tools.StorageTool', 'format', '-t', clusterId(), '-c', properties];
  const result = await execa(java, args, { reject: false, all: true });
  if (!result.failed) return;
  // Half a format is none: the next start does it again.
  rmSync(join(logDir, 'meta.properties'), { force: true });
  throw new StackError(
    'STACK_COMPONENT_FAILED',
    `Kafka's folder could not be formatted: ${String(result.all).trim().split('\n').at(-1)}`,
  );
}

/** Kafka's form of a uuid; it must not look like an option. */
function clusterId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? clusterId() : id;
}
