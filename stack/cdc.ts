import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectorConfig, SLOT_NAME } from './connector.js';
import { StackError } from './errors.js';
import type { Step } from './progress.js';
import { holdsWithin } from './process/wait.js';
import { APP_USER } from './servers/postgres.js';
import { ConnectClient } from './servers/register.js';
import { commitLogExists, ensureSlot, slotIsRead } from './servers/slot.js';
import { DATABASE } from './settings.js';

const STREAMS_WITHIN_MS = 60_000;

export interface Capture {
  readonly postgresUrl: string;
  readonly connectUrl: string;
  /** The password, or what Connect finds it by. */
  readonly password: string;
  /** Folder for the note that survives a crash between "new slot" and "offsets forgotten". */
  readonly run: string;
}

/** Makes the slot before anybody writes. Returns a warning if the old one was lost, with all it had not published. */
export async function prepareCapture({ postgresUrl, run }: Capture): Promise<string | undefined> {
  const state = await ensureSlot(postgresUrl, () =>
    writeFileSync(forgetNote(run), 'The slot is new: the offsets stored by the connector are of another one.\n'),
  );
  if (state.kind !== 'recreated') return undefined;
  return `The replication slot ${SLOT_NAME} was lost although the commit log has rows: a new one was made, changes between the two are not published, and the read models will see the gap and rebuild.`;
}

/** Registers the connector and waits until it reads the slot. */
export async function startCapture(capture: Capture, step: Step, signal: AbortSignal): Promise<void> {
  const { postgresUrl, connectUrl, run } = capture;
  if (!(await commitLogExists(postgresUrl))) {
    step.fail('not registered: no migration has made public.commit_log');
    return;
  }
  const connect = new ConnectClient(connectUrl);
  if (existsSync(forgetNote(run))) {
    if (await connect.exists()) {
      step.update('forgetting offsets of an older slot', 0.2);
      await connect.forgetOffsets(signal);
    }
  }
  step.update('registering', 0.4);
  const url = new URL(postgresUrl);
  await connect.register(
    connectorConfig({
      host: url.hostname,
      port: Number(url.port),
      user: APP_USER,
      password: capture.password,
      database: DATABASE,
    }),
  );
  rmSync(forgetNote(run), { force: true });
  step.update('waiting for the stream', 0.7);
  await untilStreaming(connect, postgresUrl, signal);
  step.done('streams');
}

async function untilStreaming(connect: ConnectClient, postgresUrl: string, signal: AbortSignal): Promise<void> {
  const streams = await holdsWithin(
    async () => {
      if (await slotIsRead(postgresUrl)) return true;
      if ((await connect.status()).task === 'FAILED') await connect.restartFailed();
      return false;
    },
    { timeoutMs: STREAMS_WITHIN_MS, everyMs: 150, signal },
  );
  if (streams || signal.aborted) return;
  const { connector, task, trace } = await connect.status();
  throw new StackError(
    'STACK_CONNECTOR_FAILED',
    `the connector does not read its slot after ${STREAMS_WITHIN_MS / 1000} s (connector ${connector}, task ${task}): ${trace.split('\n')[0] || 'see the log of Kafka Connect'}.`,
  );
}

function forgetNote(run: string): string {
  return join(run, 'forget-offsets');
}
