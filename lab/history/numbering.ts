/** Which of an engine's numbers (`seq`) have been read, by result partition and sender: each sender numbers from 1, without holes. */
interface Stamped {
  readonly run: { readonly id: string; readonly subtask: number };
  readonly seq: number | null;
}

export class Numbering {
  /** Every number up to this one has been read. */
  private readonly last = new Map<string, number>();

  /** @param value a message of the result partition, in the order of its log */
  take(partition: number, value: string): void {
    const message = parsed(value);
    if (message === null || message.seq === null) return;
    const id = `${partition}|${message.run.id}/${message.run.subtask}`;
    const last = this.last.get(id) ?? 0;
    if (message.seq === last + 1) this.last.set(id, message.seq);
  }

  /** @param counter `<run>/<subtask>` */
  hasAllUpTo(partition: number, counter: string, seq: number): boolean {
    return (this.last.get(`${partition}|${counter}`) ?? 0) >= seq;
  }
}

function parsed(value: string): Stamped | null {
  try {
    const message = JSON.parse(value) as Partial<Stamped> | null;
    return message?.run === undefined || message.seq === undefined ? null : (message as Stamped);
  } catch {
    return null;
  }
}
