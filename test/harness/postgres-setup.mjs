/** Starts one throwaway Postgres for all test files of the `pg` tier. Runs in jest's parent, outside its transforms. */
import { tsImport } from 'tsx/esm/api';

export default async function setup() {
  const { startPostgres } = await tsImport('./postgres-server.ts', import.meta.url);
  const postgres = await startPostgres();
  globalThis.tidemarkPostgres = postgres;
  process.env.TIDEMARK_TEST_TEMPLATE_URL = postgres.templateUrl;
}
