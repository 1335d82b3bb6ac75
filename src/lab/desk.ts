/** The lab's control (lab/control.ts) as a port: HTTP on this machine. */
import { AppError } from '../errors.js';
import type { FaultDesk, FaultStatus, LabRunSummary } from './port.js';

const TIMEOUT_MS = 2_000;

/** @param url of the control, with its secret: it is in no message */
export function createFaultDesk(url: string): FaultDesk {
  const call = async <T>(method: string, name?: string): Promise<T> => {
    const path = name === undefined ? '' : `/${encodeURIComponent(name)}`;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(`${url}${path}`, { method, signal }).catch((cause: unknown) => {
      throw unavailable(cause);
    });
    if (response.status === 404 && name !== undefined) {
      throw new AppError('FAULT_UNKNOWN', `There is no fault "${name}".`, { retryable: false, outcome: 'none' });
    }
    const body = (await response.json().catch((cause: unknown) => {
      throw unavailable(cause);
    })) as T & { readonly error?: string };
    if (response.status === 409) {
      throw new AppError('FAULT_BUSY', `Another fault is on: ${body.error ?? ''}.`, {
        retryable: true,
        outcome: 'none',
      });
    }
    if (!response.ok) throw unavailable(new Error(`it answered ${response.status}`));
    return body;
  };
  const got = async <T>(path: string): Promise<T | null> => {
    try {
      const response = await fetch(`${url}/${path}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (response.status === 404) return null;
      if (response.ok) return (await response.json()) as T;
    } catch (cause) {
      throw unavailable(cause);
    }
    throw unavailable(new Error('it answered with an error'));
  };
  return {
    runs: async () => (await got<LabRunSummary[]>('runs')) ?? [],
    report: async (id) => (await got<{ readonly page: string }>(`runs/${encodeURIComponent(id)}`))?.page ?? null,
    faults: () => call<FaultStatus[]>('GET'),
    inject: (name) => call<FaultStatus>('PUT', name),
    heal: (name) => call<FaultStatus>('DELETE', name),
  };
}

const unavailable = (cause: unknown): AppError =>
  new AppError('LAB_UNAVAILABLE', 'The lab does not answer: is the stack that was started with --lab still running?', {
    retryable: true,
    outcome: 'unknown',
    cause,
  });
