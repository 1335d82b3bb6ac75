/** A history on disk: one folder per run, `history.jsonl` in it. Written as it happens, so that memory stays bounded. */
import { createReadStream, createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Interner } from './intern.js';
import { historyOf, type History, type Line } from './types.js';

export const HISTORY_FILE = 'history.jsonl';
/** More than this waiting for the disk: the recorder stops and says so, rather than to eat the memory. */
const MOST_WAITING = 256 * 1024 * 1024;

export class HistoryFile {
  readonly folder: string;
  lines = 0;
  private readonly stream: WriteStream;
  private failure: Error | null = null;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.folder = folder;
    // `wx`: a run never writes over another one's history.
    this.stream = createWriteStream(join(folder, HISTORY_FILE), { flags: 'wx', highWaterMark: 1024 * 1024 });
    this.stream.on('error', (error) => (this.failure = error));
  }

  write(line: Line): void {
    if (this.failure !== null) throw this.failure;
    if (this.stream.writableLength > MOST_WAITING) throw new Error('the disk is slower than the history grows');
    this.lines += 1;
    this.stream.write(`${JSON.stringify(line)}\n`);
  }

  /** Whoever reads the file now finds every line that was written so far. */
  async flush(): Promise<void> {
    await new Promise<void>((resolve) => this.stream.write('', () => resolve()));
    if (this.failure !== null) throw this.failure;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.stream.end(resolve));
    if (this.failure !== null) throw this.failure;
  }
}

/**
 * A history in memory, what is said again and again kept once (intern.ts).
 * @param without lines that are not wanted: a million answers need not be read to know the events
 */
export async function readHistory(folder: string, without: readonly Line['type'][] = []): Promise<History> {
  const input = createInterface({ input: createReadStream(join(folder, HISTORY_FILE)), crlfDelay: Infinity });
  const skipped = without.map((type) => `{"type":"${type}"`);
  const once = new Interner();
  const lines: Line[] = [];
  for await (const text of input) {
    if (text !== '' && !skipped.some((start) => text.startsWith(start)))
      lines.push(once.line(JSON.parse(text) as Line));
  }
  return historyOf(lines);
}
