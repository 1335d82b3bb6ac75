import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { StackError } from '../errors.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** `java` of JAVA_HOME if it is set, else of the PATH. */
export function javaCommand(env: Environment): string {
  const own = env.JAVA_HOME ? join(env.JAVA_HOME, 'bin', 'java') : undefined;
  return own !== undefined && existsSync(own) ? own : 'java';
}

/** Refuses a missing or too old JDK. */
export async function requireJava(env: Environment): Promise<string> {
  const command = javaCommand(env);
  const result = await execa(command, ['-version'], { reject: false, all: true, timeout: 20_000 });
  const version = javaMajor(String(result.all ?? ''));
  if (result.failed || version === undefined || version < 17) {
    const found = version === undefined ? 'none was found' : `version ${version} was found`;
    throw new StackError(
      'STACK_TOOL_MISSING',
      `Kafka needs a JDK of version 17 or newer and ${found}: install one (Debian: apt install openjdk-17-jdk-headless) or set JAVA_HOME.`,
    );
  }
  return command;
}

export async function requireMaven(): Promise<string> {
  const result = await execa('mvn', ['--version'], { reject: false, timeout: 30_000 });
  if (!result.failed) return 'mvn';
  throw new StackError(
    'STACK_TOOL_MISSING',
    'Maven fetches Kafka and was not found: install it (Debian: apt install maven).',
  );
}

/** A Python 3 that has pip. */
export async function requirePython(): Promise<string> {
  for (const command of ['python3', 'python', '/usr/bin/python3']) {
    const result = await execa(command, ['-m', 'pip', '--version'], { reject: false, timeout: 30_000 });
    if (!result.failed) return command;
  }
  throw new StackError(
    'STACK_TOOL_MISSING',
    'Python 3 with pip fetches MongoDB and was not found: install them (Debian: apt install python3 python3-pip).',
  );
}

/** `openjdk version "17.0.15"` → 17, `"1.8.0_402"` → 8. */
export function javaMajor(text: string): number | undefined {
  const match = /version "(?:1\.)?(\d+)/.exec(text);
  return match === null ? undefined : Number(match[1]);
}
