/**
 * Kafka takes so little from the connector that changes arrive, but too late: a client quota on its producer, as a broker that can do no
 * more. Everything that can be asked says that it is well.
 */
import { connect } from 'node:net';
import type { Fault, LabTarget } from './fault.js';

/** Kafka Connect's name for the producer of a source task. */
const CLIENT_ID = 'connector-producer-tidemark-commit-log-0';
/** A heartbeat every quarter of a second is some 6 kB a second: a quarter of that. */
const BYTES_PER_SECOND = 1_500;
const REQUEST_MS = 10_000;
const ALTER_CLIENT_QUOTAS = 49;

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
};
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

/** AlterClientQuotas, version 0 (kafkajs has no such call): one quota of one client. @param rate bytes a second; null: none any more */
export function quotaRequest(clientId: string, rate: number | null): Buffer {
  const header = Buffer.from([0, ALTER_CLIENT_QUOTAS, 0, 0, 0, 0, 0, 1]);
  const value = Buffer.alloc(8);
  value.writeDoubleBE(rate ?? 0);
  const body = Buffer.concat([
    header,
    text('tidemark-lab'),
    int32(1),
    int32(1),
    text('client-id'),
    text(clientId),
    int32(1),
    text('producer_byte_rate'),
    value,
    Buffer.from([rate === null ? 1 : 0, 0]),
  ]);
  return Buffer.concat([int32(body.length), body]);
}

/** @throws Error with the broker's code */
async function setQuota(broker: string, rate: number | null): Promise<void> {
  const [host, port] = broker.split(':');
  const socket = connect({ host: host ?? '', port: Number(port) });
  socket.setTimeout(REQUEST_MS, () => socket.destroy(new Error('the broker does not answer')));
  try {
    socket.write(quotaRequest(CLIENT_ID, rate));
    let answer = Buffer.alloc(0);
    for await (const chunk of socket) {
      answer = Buffer.concat([answer, chunk as Buffer]);
      if (answer.length >= 4 && answer.length >= 4 + answer.readInt32BE(0)) break;
    }
    // Length, correlation id, throttle time, number of entries.
    const code = answer.length >= 18 ? answer.readInt16BE(16) : -1;
    if (code !== 0) throw new Error(`the broker refuses a quota: ${code}`);
  } finally {
    socket.destroy();
  }
}

export function cdcThrottle(target: Pick<LabTarget, 'kafkaBrokers'>): Fault {
  const [broker = ''] = target.kafkaBrokers.split(',');
  let active = false;
  return {
    name: 'cdc-throttle',
    inject: async () => {
      await setQuota(broker, BYTES_PER_SECOND);
      active = true;
    },
    heal: async () => {
      await setQuota(broker, null);
      active = false;
    },
    isActive: async () => active,
  };
}
