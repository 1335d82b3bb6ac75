import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDisk } from './disk.js';

const MB = 1024 * 1024;

test('each folder counts what is in it and below it, the largest first; no folder, no sizes', async () => {
  const data = mkdtempSync(join(tmpdir(), 'tidemark-disk-'));
  try {
    mkdirSync(join(data, 'kafka', 'deep'), { recursive: true });
    mkdirSync(join(data, 'logs'));
    writeFileSync(join(data, 'kafka', 'deep', 'segment'), Buffer.alloc(3 * MB, 1));
    writeFileSync(join(data, 'logs', 'server.log'), Buffer.alloc(MB, 1));
    writeFileSync(join(data, 'a-file'), Buffer.alloc(MB, 1));
    const sizes = (await readDisk(data)) ?? [];
    expect(sizes.map(({ folder, bytes }) => [folder, Math.round(bytes / MB)])).toEqual([
      ['kafka', 3],
      ['logs', 1],
    ]);
    expect(await readDisk(join(data, 'nowhere'))).toBeNull();
  } finally {
    rmSync(data, { recursive: true });
  }
});
