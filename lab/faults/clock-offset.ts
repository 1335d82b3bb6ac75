/** Somebody sets the wall clock of one program wrong, and right again. The program was started with clock-shift.mjs. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Fault, VictimName } from './fault.js';

const SEEN_MS = 30_000;
/** Ten minutes ahead: beyond every limit of the contract that somebody could reckon by the wrong clock. */
export const OFFSET_MS = 600_000;

/** What a program is started with so that its clock can be moved by what stands in the file. */
export const clockEnvironment = (file: string): Readonly<Record<string, string>> => ({
  NODE_OPTIONS: `--import=${fileURLToPath(new URL('./clock-shift.mjs', import.meta.url))}`,
  TIDEMARK_LAB_CLOCK: file,
});

/** @param file that the program looks at */
export function clockOffset(who: VictimName, file: string, offsetMs = OFFSET_MS): Fault {
  const seen = (): string => {
    try {
      return readFileSync(`${file}.seen`, 'utf8');
    } catch {
      return '0';
    }
  };
  const become = async (wanted: number): Promise<void> => {
    writeFileSync(file, String(wanted));
    const end = performance.now() + SEEN_MS;
    while (seen() !== String(wanted)) {
      if (performance.now() > end) throw new Error(`${who} does not look at its clock's file`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return {
    name: `clock-offset ${who}`,
    inject: () => become(offsetMs),
    heal: () => become(0),
    isActive: async () => !['', '0'].includes(seen()),
  };
}
