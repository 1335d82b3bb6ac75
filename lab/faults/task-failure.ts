/**
 * The connector's task fails and stays failed, as every task does until somebody mends it: its next message is larger than it
 * may be. The connector itself goes on saying RUNNING, and its slot waits.
 */
import { Connector } from './connector.js';
import type { Fault, Target } from './fault.js';

const TOO_SMALL = { 'producer.override.max.request.size': '1' } as const;

export function taskFailure(target: Target): Fault {
  const connector = new Connector(target.connectUrl);
  let before: Record<string, string> | null = null;
  return {
    name: 'task-failure',
    inject: async () => {
      before ??= await connector.config();
      await connector.configure({ ...before, ...TOO_SMALL });
      // A heartbeat every quarter of a second is a message.
      await connector.untilTask('FAILED');
    },
    heal: async () => {
      if (before !== null) await connector.configure(before);
      before = null;
      await connector.become('resume', 'RUNNING');
    },
    isActive: async () => (await connector.states())?.slice(1).includes('FAILED') ?? false,
  };
}
