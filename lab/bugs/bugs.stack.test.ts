/** By its name only: `npm test -- bugs`. A stack of its own for each bug, so that what one has spoiled is not held against another. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silent } from '../../stack/progress.js';
import { findBug } from '../runner/bug.js';
import { BUGS } from './bugs.js';

const runs = mkdtempSync(join(tmpdir(), 'tidemark-bugs-'));
afterAll(() => rmSync(runs, { recursive: true, force: true }));

test.each(BUGS)(
  'on real servers the seeded bug $name is found by $caughtBy.checker: $what',
  async (bug) => {
    const { caught, by } = await findBug(bug, runs, silent.step(bug.name));
    expect([caught, by]).toEqual([true, expect.any(Array)]);
  },
  900_000,
);
