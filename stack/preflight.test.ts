import { createServer, type AddressInfo } from 'node:net';
import { portsFrom } from './ports.js';
import { MIN_FREE_BYTES, requirePlatform, requirePorts, requireSpace } from './preflight.js';
import { javaMajor } from './install/tools.js';
import { sentenceOf, STACK_ERRORS, StackError } from './errors.js';

describe('before anything starts', () => {
  test('a port that somebody listens on is refused, also when they listen on all addresses', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    const { port } = server.address() as AddressInfo;
    const ports = { ...portsFrom({}), kafka: port };
    try {
      await expect(requirePorts(ports, ['kafka'])).rejects.toThrow(`port ${port}, which Kafka needs, is in use`);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
    await expect(requirePorts(ports, ['kafka'])).resolves.toBeUndefined();
  });

  test('a nearly full disk is one sentence with the variable that moves the folder', () => {
    expect(() => requireSpace('/data', 'TIDEMARK_DATA', MIN_FREE_BYTES - 1)).toThrow(
      /^only 2\.0 GB are free at \/data .*TIDEMARK_DATA/,
    );
    expect(() => requireSpace('/data', 'TIDEMARK_DATA', MIN_FREE_BYTES)).not.toThrow();
  });

  test('a platform without binaries is told what to use instead', () => {
    expect(() => requirePlatform('darwin', 'arm64')).toThrow(/docker-compose\.yml/);
    expect(() => requirePlatform('linux', 'x64')).not.toThrow();
  });

  test.each([
    ['openjdk version "17.0.15" 2025-04-15', 17],
    ['java version "1.8.0_402"', 8],
    ['openjdk version "21" 2023-09-19', 21],
    ['sh: java: not found', undefined],
  ])('%s is Java %s', (text, major) => {
    expect(javaMajor(text)).toBe(major);
  });

  test('every failure is printed with its code first', () => {
    expect(sentenceOf(new StackError('STACK_DISK_FULL', 'no space.'))).toBe('STACK_DISK_FULL: no space.');
    expect(Object.values(STACK_ERRORS).every((meaning) => meaning.endsWith('.'))).toBe(true);
  });
});
