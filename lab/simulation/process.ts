/** Processes that crash and sleep, and the links on which they call others. Every call is a point where others may run. */
import type { After } from '../../src/timers.js';
import type { Scheduler } from './scheduler.js';

/** The call failed on its way. Whether the other side has done it is not said: that is the point. */
export class Cut extends Error {}

/** What of a call gets lost: then it had no effect, or it had. */
export type Fate = 'request' | 'reply';

interface Outstanding {
  readonly reject: (error: Error) => void;
}

/** From one process to one server. */
export class Link {
  /** Until then nothing arrives in either direction; what was sent arrives later. */
  stalledUntil = 0;
  /** Until then every call fails, before or after it had its effect. */
  failingUntil = 0;
  /** The next calls that fail, and how. */
  private planned: { readonly how: Fate; readonly point: string | null }[] = [];
  private readonly outstanding = new Set<Outstanding>();

  constructor(
    readonly name: string,
    readonly typicalMs: number,
  ) {}

  /** @param point the next call of this name; else the next one */
  failNext(how: Fate, point: string | null = null): void {
    this.planned.push({ how, point });
  }

  /** How the call that is about to be sent ends: undefined, well. */
  fate(sim: Scheduler, point: string): Fate | undefined {
    if (sim.now < this.failingUntil) return sim.random.chance(0.5) ? 'request' : 'reply';
    const found = this.planned.find((one) => one.point === null || one.point === point);
    this.planned = this.planned.filter((one) => one !== found);
    return found?.how;
  }

  delay(sim: Scheduler): number {
    return Math.max(this.stalledUntil - sim.now, 0) + sim.random.latency(this.typicalMs);
  }

  /** Every call under way fails now. */
  reset(): void {
    for (const { reject } of [...this.outstanding]) reject(new Cut(`${this.name}: connection reset`));
    this.outstanding.clear();
  }

  track(reject: (error: Error) => void): () => void {
    const one = { reject };
    this.outstanding.add(one);
    return () => this.outstanding.delete(one);
  }

  /** No more faults. */
  heal(): void {
    this.stalledUntil = 0;
    this.failingUntil = 0;
    this.planned = [];
  }
}

export class Process {
  alive = true;
  /** Told of each call that gets lost. */
  onLost: (point: string, fate: Fate) => void = () => undefined;
  private sleeping = false;
  private readonly mail: (() => void)[] = [];
  private readonly ends: (() => void)[] = [];

  constructor(
    readonly sim: Scheduler,
    readonly name: string,
  ) {}

  /** Timers of the process: they die and sleep with it. */
  readonly after: After = (ms, fn) => this.sim.after(ms, '', () => this.deliver(fn));

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  get running(): boolean {
    return this.alive && !this.sleeping;
  }

  /** kill -9: nothing of it goes on. What it had sent still arrives. */
  crash(): void {
    if (!this.alive) return;
    this.sim.note(`${this.name} crashes`);
    this.alive = false;
    for (const end of this.ends) end();
  }

  /** Called at the crash: what others notice of it. */
  onCrash(end: () => void): void {
    this.ends.push(end);
  }

  /** SIGSTOP. */
  pause(): void {
    this.sim.note(`${this.name} is stopped`);
    this.sleeping = true;
  }

  /** SIGCONT: it goes on where it was, with what has come meanwhile. */
  resume(): void {
    if (!this.sleeping) return;
    this.sim.note(`${this.name} goes on`);
    this.sleeping = false;
    // One after the other, as an event loop would.
    for (const fn of this.mail.splice(0)) this.sim.after(0, '', () => this.deliver(fn));
  }

  deliver(fn: () => void): void {
    if (!this.alive) return;
    if (this.sleeping) this.mail.push(fn);
    else fn();
  }

  /** `effect` happens at the other side, in one instant or after it has waited there; then the reply travels back. */
  call<T>(link: Link, point: string, effect: () => T | Promise<T>): Promise<T> {
    const { sim } = this;
    return new Promise((resolve, reject) => {
      if (!this.alive) return;
      const fate = link.fate(sim, point);
      if (fate !== undefined) this.onLost(point, fate);
      let open = true;
      const end = (fn: () => void): void => {
        if (!open) return;
        open = false;
        untrack();
        this.deliver(fn);
      };
      const untrack = link.track((error) => end(() => reject(error)));
      const reply = (fn: () => void): void => void sim.after(link.delay(sim), '', () => end(fn));
      const cut = (): void => reject(new Cut(`${link.name}: connection lost at ${point}`));
      sim.after(
        link.delay(sim),
        `${this.name} ${link.name} ${point}${fate === undefined ? '' : ` LOST ${fate}`}`,
        () => {
          if (fate === 'request') return reply(cut);
          void Promise.resolve()
            .then(effect)
            .then(
              (value) => reply(fate === 'reply' ? cut : () => resolve(value)),
              (error: Error) => reply(() => reject(error)),
            );
        },
      );
    });
  }
}
