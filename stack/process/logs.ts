import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { join } from 'node:path';

export const LOG_LIMITS = { maxBytes: 8 * 1024 * 1024, oldFiles: 2, checkEveryMs: 5_000 } as const;

/** Where one component writes. The child holds the file itself, so its log survives a launcher that dies. */
export function logPath(folder: string, component: string): string {
  return join(folder, `${component}.log`);
}

/** Opened for appending: after a rotation truncates the file, the child's next line lands at its new end. */
export function openLog(path: string): { fd: number; close(): void } {
  const fd = openSync(path, 'a', 0o640);
  return { fd, close: () => closeSync(fd) };
}

/** Keeps each log within its limit while the launcher lives. */
export function startRotation(folder: string): { stop(): void } {
  mkdirSync(folder, { recursive: true });
  rotateAll(folder);
  const timer = setInterval(() => rotateAll(folder), LOG_LIMITS.checkEveryMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

export function rotateAll(folder: string, limits: { maxBytes: number; oldFiles: number } = LOG_LIMITS): void {
  for (const file of readdirSync(folder)) {
    if (!file.endsWith('.log')) continue;
    const path = join(folder, file);
    if (statSync(path).size > limits.maxBytes) rotate(path, limits.oldFiles);
  }
}

function rotate(path: string, oldFiles: number): void {
  for (let age = oldFiles; age > 1; age -= 1) {
    if (existsSync(`${path}.${age - 1}`)) renameSync(`${path}.${age - 1}`, `${path}.${age}`);
  }
  copyFileSync(path, `${path}.1`);
  truncateSync(path);
}
