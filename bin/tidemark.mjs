#!/usr/bin/env node
/** The command line: compiled ahead where that can be kept, else each TypeScript file as it is loaded. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { builtPrograms } from '../stack/programs.mjs';

requirePackages();
process.setSourceMapsEnabled(true);
const built = folder();
if (built !== undefined) {
  await import(pathToFileURL(join(built, 'tidemark.js')).href);
} else {
  const { register } = await import('tsx/esm/api');
  register();
  await import('../src/cli/main.ts');
}

/** undefined: not to be written, as in an image, or not to be compiled, which the loader will then say of the very file. */
function folder() {
  try {
    return builtPrograms();
  } catch {
    return undefined;
  }
}

function requirePackages() {
  try {
    createRequire(import.meta.url).resolve('tsx/esm/api');
  } catch {
    process.stderr.write(
      'tidemark: the npm packages are missing. Run "npm ci" in this clone, then the same command again.\n',
    );
    process.exit(1);
  }
}
