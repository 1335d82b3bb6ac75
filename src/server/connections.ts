import type { SubscriptionLimits } from './options.js';

/** Counts connections that stay, in all and by the address that they come from. */
export class Connections {
  private readonly byCaller = new Map<string, number>();
  private count = 0;

  constructor(private readonly limits: Pick<SubscriptionLimits, 'connections' | 'perCaller'>) {}

  get open(): number {
    return this.count;
  }

  /** Ends what it allowed; null: there are too many. */
  enter(caller: string): (() => void) | null {
    const before = this.byCaller.get(caller) ?? 0;
    if (this.count >= this.limits.connections || before >= this.limits.perCaller) return null;
    this.count++;
    this.byCaller.set(caller, before + 1);
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      this.count--;
      const left = (this.byCaller.get(caller) ?? 1) - 1;
      if (left === 0) this.byCaller.delete(caller);
      else this.byCaller.set(caller, left);
    };
  }
}
