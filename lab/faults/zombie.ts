/**
 * A server is stopped for so long that its group goes on without it, and then wakes and believes that its partitions are still
 * its own. Whatever it writes then has to be refused (contract.md §6).
 */
import kafkajs from 'kafkajs';
import type { Fault, LabTarget } from './fault.js';
import { freeze } from './freeze.js';

/** Of ingest (src/compose.ts). */
const GROUP = 'tidemark-ingest';
/** More than a session's time and a rebalance. */
const GONE_MS = 60_000;

export function zombie(target: LabTarget): Fault {
  const frozen = freeze(target, 'server');
  return {
    name: 'zombie server',
    inject: async () => {
      const before = await membersOf(target.kafkaBrokers);
      await frozen.inject();
      const end = performance.now() + GONE_MS;
      for (;;) {
        const now = await membersOf(target.kafkaBrokers);
        if ([...before].some((member) => !now.has(member))) return;
        if (performance.now() > end) throw new Error(`${GROUP} has not gone on without the server that is stopped`);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    },
    heal: () => frozen.heal(),
    isActive: () => frozen.isActive(),
  };
}

async function membersOf(brokers: string): Promise<Set<string>> {
  const kafka = new kafkajs.Kafka({
    clientId: 'tidemark-lab-zombie',
    brokers: brokers.split(','),
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const admin = kafka.admin();
  await admin.connect();
  try {
    const { groups } = await admin.describeGroups([GROUP]);
    return new Set(groups.flatMap(({ members }) => members.map(({ memberId }) => memberId)));
  } finally {
    await admin.disconnect();
  }
}
