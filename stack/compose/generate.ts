/** `npx tsx stack/compose/generate.ts` writes docker-compose.yml; a test compares. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '../paths.js';
import { composeText } from './file.js';

export const COMPOSE_PATH = join(REPOSITORY, 'docker-compose.yml');

writeFileSync(COMPOSE_PATH, composeText());
