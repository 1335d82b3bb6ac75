import type { Client } from 'pg';
import { PUBLISHED_TABLE, SLOT_NAME } from '../connector.js';
import { withClient } from './postgres.js';

export type SlotState =
  /** It exists and still has all the log that its reader needs. */
  | { readonly kind: 'usable' }
  /** It was made now, before the first row: nothing can be missing. */
  | { readonly kind: 'created' }
  /** It was gone or invalidated although rows exist: what they said between then and now will not be published. */
  | { readonly kind: 'recreated' };

/**
 * The connector never snapshots, so the slot must exist before the first commit log row. `beforeCreate` runs before a
 * new slot is made, so that a crash between the two is repaired at the next start.
 */
export function ensureSlot(postgresUrl: string, beforeCreate: () => void): Promise<SlotState> {
  return withClient(postgresUrl, async (client) => {
    const found = await client.query<{ wal_status: string | null }>(
      'SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1',
      [SLOT_NAME],
    );
    const status = found.rows[0]?.wal_status;
    if (found.rowCount === 1 && status !== 'lost') return { kind: 'usable' };
    beforeCreate();
    const rows = await hasRows(client);
    if (found.rowCount === 1) await client.query('SELECT pg_drop_replication_slot($1)', [SLOT_NAME]);
    await client.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [SLOT_NAME]);
    return { kind: rows ? 'recreated' : 'created' };
  });
}

/** Whether somebody reads the slot: the connector streams, whatever its REST state says. */
export function slotIsRead(postgresUrl: string): Promise<boolean> {
  return withClient(postgresUrl, async (client) => {
    const found = await client.query<{ active: boolean }>(
      'SELECT active FROM pg_replication_slots WHERE slot_name = $1',
      [SLOT_NAME],
    );
    return found.rows[0]?.active === true;
  });
}

/** The commit log table is a migration's work; a connector without its table and publication would only fail. */
export function commitLogExists(postgresUrl: string): Promise<boolean> {
  return withClient(postgresUrl, tableExists);
}

async function tableExists(client: Client): Promise<boolean> {
  const table = await client.query<{ found: boolean }>('SELECT to_regclass($1) IS NOT NULL AS found', [
    PUBLISHED_TABLE,
  ]);
  return table.rows[0]?.found === true;
}

async function hasRows(client: Client): Promise<boolean> {
  if (!(await tableExists(client))) return false;
  const rows = await client.query(`SELECT 1 FROM ${PUBLISHED_TABLE} LIMIT 1`);
  return rows.rowCount === 1;
}
