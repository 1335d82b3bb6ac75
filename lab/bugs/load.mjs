/**
 * Loaded into a server before its sources (`node --import`): edits some of them on the way, as TIDEMARK_SEEDED_BUG says
 * (bugs.ts). A server that is started with that variable and without this refuses to start (src/config.ts).
 */
import { register } from 'node:module';

const text = process.env.TIDEMARK_SEEDED_BUG;
delete process.env.TIDEMARK_SEEDED_BUG;
if (text !== undefined) {
  const bug = JSON.parse(text);
  process.stderr.write(`A SEEDED BUG IS IN THIS SERVER: ${bug.name}\n`);
  register('./hooks.mjs', import.meta.url, { data: bug });
}
