import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** What one folder of the data folder takes on disk. */
export interface FolderSize {
  readonly folder: string;
  readonly bytes: number;
}

/** As `du` counts: blocks, not lengths. What vanishes meanwhile, or is closed to us, counts nothing. */
async function sizeOf(path: string): Promise<number> {
  const entry = await lstat(path).catch(() => null);
  if (entry === null) return 0;
  const own = entry.blocks * 512;
  if (!entry.isDirectory()) return own;
  const names = await readdir(path).catch((): string[] => []);
  let total = own;
  for (const name of names) total += await sizeOf(join(path, name));
  return total;
}

/** Each folder of a stack's data on this machine, largest first; null: there is no such data here. */
export async function readDisk(data: string): Promise<readonly FolderSize[] | null> {
  const entries = await readdir(data, { withFileTypes: true }).catch(() => null);
  if (entries === null) return null;
  const sizes: FolderSize[] = [];
  for (const entry of entries) {
    if (entry.isDirectory()) sizes.push({ folder: entry.name, bytes: await sizeOf(join(data, entry.name)) });
  }
  return sizes.sort((a, b) => b.bytes - a.bytes);
}
