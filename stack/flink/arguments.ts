import { FLINK_JOB } from '../settings.js';

/**
 * Arguments of the job. They win over the variables of the process that runs its `main`, the JobManager; so what this
 * environment says itself is left to it.
 */
export function jobArguments(
  own: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  const defaults = Object.entries(FLINK_JOB).map(([name, value]) => [name, env[name] || value] as const);
  return [...defaults, ...Object.entries(own)].map(([name, value]) => `${name}=${value}`);
}
