/** `tidemark mend-cdc`: the one command for a slot that is gone or useless, and for a connector that stands still. */
import type { Command } from 'commander';
import { CONNECTOR_NAME, SLOT_NAME } from '../../stack/connector.js';
import { holdsWithin } from '../../stack/process/wait.js';
import { withClient } from '../../stack/servers/postgres.js';
import { ConnectClient } from '../../stack/servers/register.js';
import { ensureSlot, slotIsRead } from '../../stack/servers/slot.js';

const STREAMS_WITHIN_MS = 60_000;

export interface MendOptions {
  readonly postgres: string;
  readonly connect: string;
  /** Also a slot that looks well is made anew: of a Postgres that was restored from a copy, or a connector of another one. */
  readonly anew?: boolean;
}

/**
 * Each step finds out what is missing, so it may be run again, also after it was cut off: offsets are forgotten before the slot is
 * made, and the connector goes on only then.
 * @returns the process' exit code: 0 changes flow
 */
export async function mendCdc(
  { postgres, connect, anew = false }: MendOptions,
  say: (sentence: string) => void,
): Promise<0 | 1> {
  const client = new ConnectClient(connect);
  if (!(await client.exists())) {
    say(`Kafka Connect does not know ${CONNECTOR_NAME}: npm start, or the service setup of compose, registers it.`);
    return 1;
  }
  const usable = !anew && (await slotIsUsable(postgres));
  if (!usable) {
    // Offsets of another slot would make the connector skip what the new one holds.
    await client.forgetOffsets();
    say(`${CONNECTOR_NAME} was stopped, and what it had stored of its slot is forgotten`);
    await dropSlot(postgres);
    await ensureSlot(postgres, () => undefined);
    say(`the slot ${SLOT_NAME} was made anew: the read models see that changes are missing, and are made anew, too`);
  }
  await client.resume();
  const streams = await holdsWithin(
    async () => {
      if (await slotIsRead(postgres)) return true;
      if ((await client.status()).task === 'FAILED') await client.restartFailed();
      return false;
    },
    { timeoutMs: STREAMS_WITHIN_MS, everyMs: 250 },
  );
  const { connector, task, trace } = await client.status();
  say(
    streams
      ? `${CONNECTOR_NAME} reads its slot`
      : `${CONNECTOR_NAME} does not read its slot after ${STREAMS_WITHIN_MS / 1000} s (connector ${connector}, task ${task}) ${trace.split('\n')[0] ?? ''}`,
  );
  return streams ? 0 : 1;
}

const slotIsUsable = (postgres: string): Promise<boolean> =>
  withClient(postgres, async (client) => {
    const { rows } = await client.query<{ wal_status: string | null }>(
      'select wal_status from pg_replication_slots where slot_name = $1',
      [SLOT_NAME],
    );
    return rows.length === 1 && rows[0]?.wal_status !== 'lost';
  });

/** Its reader, if there still is one, ends with the connector. */
async function dropSlot(postgres: string): Promise<void> {
  const gone = await holdsWithin(
    () =>
      withClient(postgres, async (client) => {
        await client.query(
          'select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1 and not active',
          [SLOT_NAME],
        );
        const left = await client.query('select 1 from pg_replication_slots where slot_name = $1', [SLOT_NAME]);
        return left.rowCount === 0;
      }),
    { timeoutMs: STREAMS_WITHIN_MS, everyMs: 250 },
  );
  if (!gone) throw new Error(`the slot ${SLOT_NAME} is read by somebody else: end that first (pg_replication_slots)`);
}

export function addMendCdc(
  program: Command,
  say: (sentence: string) => void,
  exit: (code: number) => void,
  option: (flags: string, description: string, variable: string) => Parameters<Command['addOption']>[0],
): void {
  program
    .command('mend-cdc')
    .description('change data capture flows again: a lost slot is made anew, a paused or failed connector goes on')
    .addOption(option('--postgres <url>', 'Postgres, as the server reaches it', 'POSTGRES_URL').makeOptionMandatory())
    .addOption(option('--connect <url>', 'Kafka Connect', 'CONNECT_URL').default('http://127.0.0.1:4083'))
    .option('--anew', 'make the slot anew even if it looks well: after Postgres was restored from a copy')
    .action(async (options: MendOptions) => exit(await mendCdc(options, say)));
}
