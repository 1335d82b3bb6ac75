/** Ways to make one claim of a good history false: each names the checker and the sentence that must notice. */
import { ANSWERS } from './corrupt-answers.js';
import { WORLDS } from './corrupt-world.js';
import type { Corruption } from './draft.js';

export const CORRUPTIONS: readonly Corruption[] = [...ANSWERS, ...WORLDS];
