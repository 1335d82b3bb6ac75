/** Brings the schema up to date; the server's own migrations, loaded only when a start needs them. Returns how many were run. */
export async function migrateDatabase(postgresUrl: string): Promise<number> {
  const { migrate } = await import('../src/stores/postgres/migrate.js');
  return migrate(postgresUrl);
}
