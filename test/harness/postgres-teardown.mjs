/** Ends what postgres-setup.mjs started, in the same process. */
export default async function teardown() {
  await globalThis.tidemarkPostgres?.stop();
}
