/* global fetch, AbortSignal */
/** Health check of the server's container: plain JavaScript, because it runs every few seconds. Exit 0: ready. */
const port = process.argv[2] ?? process.env.TIDEMARK_PORT ?? '4000';
try {
  const reply = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(3_000) });
  if (!reply.ok) process.stderr.write(`${await reply.text()}\n`);
  process.exitCode = reply.ok ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
