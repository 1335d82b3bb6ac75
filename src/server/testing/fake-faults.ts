import type { FaultDesk, FaultStatus, LabRunSummary } from '../../lab/port.js';

/** Breaks nothing, and at once. */
export class FakeFaults implements FaultDesk {
  private readonly all: Map<string, FaultStatus>;

  constructor(
    names: readonly string[],
    private readonly reports: readonly (readonly [run: LabRunSummary, page: string])[] = [],
  ) {
    this.all = new Map(names.map((name) => [name, { name, state: 'OFF', healsAt: null, error: null }]));
  }

  faults = (): Promise<readonly FaultStatus[]> => Promise.resolve([...this.all.values()]);
  runs = (): Promise<readonly LabRunSummary[]> => Promise.resolve(this.reports.map(([run]) => run));
  report = (id: string): Promise<string | null> =>
    Promise.resolve(this.reports.find(([run]) => run.id === id)?.[1] ?? null);
  inject = (name: string): Promise<FaultStatus> => this.become(name, 'ON', '2026-01-05T09:00:20.000Z');
  heal = (name: string): Promise<FaultStatus> => this.become(name, 'OFF', null);

  private become(name: string, state: FaultStatus['state'], healsAt: string | null): Promise<FaultStatus> {
    const status = { name, state, healsAt, error: null };
    this.all.set(name, status);
    return Promise.resolve(status);
  }
}
