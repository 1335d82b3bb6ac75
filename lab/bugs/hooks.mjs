/** The loader of load.mjs: what comes from the files of the edits comes with them. It runs before TypeScript is turned into JavaScript. */
import { appendFileSync } from 'node:fs';

const ROOT = new URL('../../', import.meta.url).href;
let bug = { edits: [], seen: '' };

export function initialize(data) {
  bug = data;
}

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  const path = url.split('?')[0];
  const edits = bug.edits.filter(({ file }) => path === `${ROOT}${file}`);
  if (edits.length === 0) return loaded;
  let source = String(loaded.source);
  for (const { file, find, replace } of edits) {
    const parts = source.split(find);
    if (parts.length !== 2)
      throw new Error(`${file}: what the seeded bug replaces stands there ${parts.length - 1} times`);
    source = parts.join(replace);
    appendFileSync(bug.seen, `${file}\n`);
  }
  return { ...loaded, source };
}
