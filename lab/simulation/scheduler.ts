/**
 * Virtual time and one queue. What comes next is what has the earliest time; times come from the seed, so the order of
 * everything does. Between two events all promises settle: the code under test never meets a real clock or a real timer.
 */
import { createHash } from 'node:crypto';
import { Random } from './random.js';

interface Event {
  readonly at: number;
  readonly order: number;
  readonly label: string;
  /** null: taken back. */
  fn: (() => void) | null;
}

/** Lets every settled promise, and what hangs on it, run. Nothing else is on the event loop. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class Scheduler {
  /** Milliseconds since the run began. */
  now = 0;
  steps = 0;
  readonly random: Random;
  readonly lines: string[] | null;
  private readonly hash = createHash('sha256');
  private unhashed = '';
  private readonly heap: Event[] = [];
  private order = 0;

  constructor(seed: number, trace: boolean) {
    this.random = new Random(seed);
    this.lines = trace ? [] : null;
  }

  /** @returns takes it back */
  after(ms: number, label: string, fn: () => void): () => void {
    const event: Event = { at: this.now + Math.max(ms, 0), order: this.order++, label, fn };
    this.push(event);
    return () => {
      event.fn = null;
    };
  }

  /** A line of the trace: part of what two runs of a seed must have in common. */
  note(what: string): void {
    this.unhashed += `${this.now} ${what}\n`;
    this.lines?.push(`${this.now.toFixed(3).padStart(10)} ${what}`);
  }

  digest(): string {
    return this.hash.update(this.unhashed).digest('hex');
  }

  /** Runs until `done`, or until the virtual time is over. @returns was it done? */
  async run(done: () => boolean, untilMs: number): Promise<boolean> {
    while (!done()) {
      const event = this.pop();
      if (event === undefined || event.at > untilMs) {
        if (event !== undefined) this.push(event);
        return false;
      }
      this.now = event.at;
      if (event.fn === null) continue;
      this.steps += 1;
      if (event.label !== '') this.note(event.label);
      event.fn();
      await settle();
    }
    return true;
  }

  private push(event: Event): void {
    const { heap } = this;
    heap.push(event);
    for (let i = heap.length - 1; i > 0;) {
      const parent = (i - 1) >> 1;
      if (!before(heap[i] as Event, heap[parent] as Event)) return;
      [heap[i], heap[parent]] = [heap[parent] as Event, heap[i] as Event];
      i = parent;
    }
  }

  private pop(): Event | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let i = 0; ;) {
      const [left, right] = [2 * i + 1, 2 * i + 2];
      let least = i;
      if (left < heap.length && before(heap[left] as Event, heap[least] as Event)) least = left;
      if (right < heap.length && before(heap[right] as Event, heap[least] as Event)) least = right;
      if (least === i) return first;
      [heap[i], heap[least]] = [heap[least] as Event, heap[i] as Event];
      i = least;
    }
  }
}

const before = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
