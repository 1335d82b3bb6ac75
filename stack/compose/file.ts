/** docker-compose.yml as an object and as text. Nothing in it is written twice: see stack/settings.ts. */
import { Document, isScalar } from 'yaml';
import { flinkJob, flinkJobmanager, flinkTaskmanager, flinkVolume } from './flink.js';
import { IMAGES, type Image } from './images.js';
import { connect, kafka } from './kafka.js';
import { generator, processor, server, setup } from './programs.js';
import type { Service } from './service.js';
import { clickhouse, elasticsearch, mongodb, postgres } from './stores.js';

export interface ComposeFile {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, object>>;
}

const HEADER = ` Made by "npx tsx stack/compose/generate.ts" from stack/settings.ts and stack/compose/: change those, not this file.

 The same system as "npm start", with official images:
   cp stack/compose/env.example .env    (then fill in the passwords)
   docker compose up --build --wait
 Never run where it was written, because no container engine runs there: docs/OPERATIONS.md says what was checked and how.`;

/** In the order in which they start. */
export function composeFile(): ComposeFile {
  const services: Record<string, Service> = {
    kafka: kafka(),
    connect: connect(),
    postgres: postgres(),
    mongodb: mongodb(),
    elasticsearch: elasticsearch(),
    clickhouse: clickhouse(),
    setup: setup(),
    processor: processor(),
    generator: generator(),
    server: server(),
    'flink-volume': flinkVolume(),
    'flink-jobmanager': flinkJobmanager(),
    'flink-taskmanager': flinkTaskmanager(),
    'flink-job': flinkJob(),
  };
  const volumes = Object.values(services).flatMap((service) => service.volumes ?? []);
  const names = [...new Set(volumes.map((volume) => volume.slice(0, volume.indexOf(':'))))];
  return { name: 'tidemark', services, volumes: Object.fromEntries(names.map((name) => [name, {}])) };
}

export function composeText(file: ComposeFile = composeFile()): string {
  // By the rules of YAML 1.1 too `no` and `0:0` are texts then: they are quoted.
  const document = new Document(file, { aliasDuplicateObjects: false, version: '1.1' });
  document.commentBefore = HEADER;
  const notes = new Map<string, string>(Object.values<Image>(IMAGES).map(({ tag, note }) => [tag, note]));
  for (const name of Object.keys(file.services)) {
    const node = document.getIn(['services', name, 'image'], true);
    const note = isScalar(node) ? notes.get(String(node.value)) : undefined;
    if (isScalar(node) && note !== undefined) node.comment = ` ${note}`;
  }
  // Lines are never folded: a folded command would read as two.
  return document.toString({ lineWidth: 0, singleQuote: true });
}
