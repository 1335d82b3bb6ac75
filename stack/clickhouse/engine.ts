/**
 * chdb behind a bounded queue. Every statement has a session of the engine to itself while it runs, with its own settings,
 * parameters and database: sessions run beside each other, and what is SET in one is not seen by another.
 */
import type { Chdb, ChdbResult, ChdbSession } from './chdb.js';
import { badArguments, overloaded, queryError } from './errors.js';

export interface Statement {
  readonly sql: string;
  /** For a statement without a FORMAT of its own. */
  readonly format: string;
  readonly settings: ReadonlyMap<string, string>;
  /** As they stand in the URL: the value's text with backslash escapes, parsed by the engine as the placeholder's type. */
  readonly params: ReadonlyMap<string, string>;
  readonly database: string | undefined;
  /** May it leave something behind in its session? An INSERT's data is not searched for that. */
  readonly leavesTraces: boolean;
}

export interface EngineLimits {
  /** Statements that run at once. */
  readonly sessions: number;
  /** Statements that wait; more are refused. */
  readonly waiting: number;
}

export const ENGINE_LIMITS: EngineLimits = { sessions: 4, waiting: 256 };

interface Slot {
  session: ChdbSession;
  settings: ReadonlyMap<string, string>;
  params: Map<string, string>;
  database: string;
}

interface Waiter {
  readonly take: () => void;
  readonly refuse: (error: Error) => void;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const literal = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

export class Engine {
  private readonly idle: Slot[] = [];
  private readonly queue: Waiter[] = [];
  private running = 0;
  private closed = false;

  constructor(
    private readonly chdb: Chdb,
    private readonly dataFolder: string,
    private readonly limits: EngineLimits = ENGINE_LIMITS,
  ) {}

  /** Opens the data folder, so that the first request does not wait for it. Returns the engine's version. */
  async open(): Promise<string> {
    const answer = await this.run({
      sql: 'SELECT version()',
      format: 'TabSeparated',
      settings: new Map(),
      params: new Map(),
      database: undefined,
      leavesTraces: false,
    });
    return Buffer.from(answer.bytes()).toString('utf8').trim();
  }

  /** @throws QueryError, or the engine's own error with its code. A waiting statement ends with `signal`, a running one does not. */
  async run(statement: Statement, signal?: AbortSignal): Promise<ChdbResult> {
    await this.turn(signal);
    let slot: Slot | undefined;
    let clean = false;
    try {
      slot = this.idle.pop() ?? this.newSlot();
      await this.prepare(slot, statement);
      clean = !statement.leavesTraces;
      return await slot.session.queryAsync(statement.sql, { format: statement.format });
    } catch (error) {
      throw queryError(error);
    } finally {
      if (slot !== undefined && clean) this.idle.push(slot);
      else slot?.session.close();
      this.running -= 1;
      this.queue.shift()?.take();
    }
  }

  get busy(): number {
    return this.running + this.queue.length;
  }

  /** No statement may run any more. */
  close(): void {
    this.closed = true;
    for (const waiter of this.queue.splice(0)) waiter.refuse(overloaded('The server is shutting down.'));
    for (const { session } of this.idle.splice(0)) session.close();
  }

  private turn(signal: AbortSignal | undefined): Promise<void> {
    if (this.closed) return Promise.reject(overloaded('The server is shutting down.'));
    if (this.running < this.limits.sessions) {
      this.running += 1;
      return Promise.resolve();
    }
    if (this.queue.length >= this.limits.waiting) {
      return Promise.reject(overloaded(`Too many simultaneous queries: ${this.queue.length} are waiting.`));
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        take: () => {
          signal?.removeEventListener('abort', gone);
          this.running += 1;
          resolve();
        },
        refuse: reject,
      };
      const gone = (): void => {
        const at = this.queue.indexOf(waiter);
        if (at >= 0) this.queue.splice(at, 1);
        reject(overloaded('The client is gone.'));
      };
      signal?.addEventListener('abort', gone, { once: true });
      this.queue.push(waiter);
    });
  }

  private newSlot(): Slot {
    const session = new this.chdb.Session(this.dataFolder);
    return { session, settings: new Map(), params: new Map(), database: 'default' };
  }

  /** Brings the session's settings, parameters and database to what the statement came with. If it fails, half is set. */
  private async prepare(slot: Slot, { sql, settings, params, database = 'default' }: Statement): Promise<void> {
    // A parameter can't be unset; left over from another statement it would silently be taken.
    if ([...slot.params.keys()].some((name) => !params.has(name) && mentions(sql, name))) {
      slot.session.close();
      Object.assign(slot, this.newSlot());
    }
    const assignments = [
      ...[...settings].filter(([name, value]) => slot.settings.get(name) !== value).map(assignment),
      ...[...slot.settings.keys()].filter((name) => !settings.has(name)).map((name) => `${name} = DEFAULT`),
      ...[...params]
        .filter(([name, value]) => slot.params.get(name) !== value)
        .map(([name, value]) => assignment([`param_${name}`, value])),
    ];
    if (assignments.length > 0) await slot.session.queryAsync(`SET ${assignments.join(', ')}`, { format: 'Null' });
    if (database !== slot.database) await slot.session.queryAsync(`USE ${identifier(database)}`, { format: 'Null' });
    slot.settings = settings;
    for (const [name, value] of params) slot.params.set(name, value);
    slot.database = database;
  }
}

function assignment([name, value]: readonly [string, string]): string {
  if (!NAME.test(name)) throw badArguments(`${JSON.stringify(name)} is no name of a setting or parameter.`);
  return `${name} = ${literal(value)}`;
}

const identifier = (name: string): string => `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;

const mentions = (sql: string, param: string): boolean => new RegExp(`\\{\\s*${param}\\s*:`).test(sql);
