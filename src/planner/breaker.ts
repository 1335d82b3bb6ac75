/**
 * A circuit breaker as data: closed, suspect after a failure, open after several in a row, then one probe at a time. Pure, its
 * clock is an argument: the planner takes a store's health as data, and the simulation runs it on virtual time (ADR 14).
 */
export interface BreakerState {
  /** In a row. */
  readonly failures: number;
  readonly failedAtMs: number;
  /** When the probe under way was sent; null: none is. */
  readonly probeAtMs: number | null;
}

export interface BreakerLimits {
  /** A store that failed just now is asked last for so long; an open one is not asked at all. Milliseconds. */
  readonly cooldownMs: number;
  /** So many failures in a row open it. */
  readonly openAfter: number;
  /** A probe that was not heard of for so long is lost. Milliseconds. */
  readonly probeMs: number;
}

/** UP: ask it. SUSPECT: ask the others first. PROBE: ask it once, and see. OPEN: don't ask. */
export type Health = 'UP' | 'SUSPECT' | 'PROBE' | 'OPEN';

export const CLOSED: BreakerState = { failures: 0, failedAtMs: -Infinity, probeAtMs: null };

export function healthOf(state: BreakerState, nowMs: number, limits: BreakerLimits): Health {
  const cooling = nowMs - state.failedAtMs < limits.cooldownMs;
  if (state.failures < limits.openAfter) return cooling ? 'SUSPECT' : 'UP';
  const probing = state.probeAtMs !== null && nowMs - state.probeAtMs < limits.probeMs;
  return cooling || probing ? 'OPEN' : 'PROBE';
}

export const failed = (state: BreakerState, nowMs: number): BreakerState => ({
  failures: state.failures + 1,
  failedAtMs: nowMs,
  probeAtMs: null,
});

/** It was asked. What is under way matters only while it is open. */
export const asked = (state: BreakerState, nowMs: number, limits: BreakerLimits): BreakerState =>
  healthOf(state, nowMs, limits) === 'PROBE' ? { ...state, probeAtMs: nowMs } : state;
