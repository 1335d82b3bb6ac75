import type { FaultDesk, FaultStatus } from '../../lab/port.js';

/** Breaks nothing, and at once. */
export class FakeFaults implements FaultDesk {
  private readonly all: Map<string, FaultStatus>;

  constructor(names: readonly string[]) {
    this.all = new Map(names.map((name) => [name, { name, state: 'OFF', healsAt: null, error: null }]));
  }

  faults = (): Promise<readonly FaultStatus[]> => Promise.resolve([...this.all.values()]);
  inject = (name: string): Promise<FaultStatus> => this.become(name, 'ON', '2026-01-05T09:00:20.000Z');
  heal = (name: string): Promise<FaultStatus> => this.become(name, 'OFF', null);

  private become(name: string, state: FaultStatus['state'], healsAt: string | null): Promise<FaultStatus> {
    const status = { name, state, healsAt, error: null };
    this.all.set(name, status);
    return Promise.resolve(status);
  }
}
