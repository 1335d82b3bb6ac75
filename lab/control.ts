/**
 * Lab mode: the faults of a running stack over HTTP, for a server that offers them as `injectFault` and `healFault`
 * (contract.md §9). On the loopback interface, under a path that nobody can guess; one fault at a time; none stays on for
 * ever: who broke it may be the one who can't mend it.
 *
 * `GET <url>` → every fault. `PUT <url>/<name>` breaks, `DELETE <url>/<name>` mends: both say at once how it stands, and do
 * the rest meanwhile. 404: no such fault. 409: another one is on. `GET <url>/runs` → the runs of the lab that lie on this
 * machine, `GET <url>/runs/<id>` → the page of one.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Fault } from './faults/index.js';
import type { Runs } from './report/list.js';

export type FaultState = 'OFF' | 'INJECTING' | 'ON' | 'HEALING';

export interface FaultStatus {
  readonly name: string;
  readonly state: FaultState;
  /** It is mended by itself then, ISO-8601; null: it is not on. */
  readonly healsAt: string | null;
  /** What went wrong when it was last broken or mended; null: nothing. */
  readonly error: string | null;
}

export interface ControlOptions {
  /** Empty while the stack is still starting. */
  readonly faults: () => readonly Fault[];
  /** A fault is mended after so long, whoever asks for it or not. Milliseconds. */
  readonly healAfterMs: number;
  /** Left out: none. */
  readonly runs?: Pick<Runs, 'list' | 'page'>;
}

export interface FaultControl {
  readonly url: string;
  /** Mends what is on, and ends. */
  stop(): Promise<void>;
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** One fault of the catalogue, and how it stands. */
class Switch {
  state: FaultState = 'OFF';
  private healsAt: number | null = null;
  private error: string | null = null;
  private timer: NodeJS.Timeout | undefined;
  private work: Promise<void> = Promise.resolve();

  constructor(
    private readonly fault: Fault,
    private readonly healAfterMs: number,
  ) {}

  get status(): FaultStatus {
    const healsAt = this.healsAt === null ? null : new Date(this.healsAt).toISOString();
    return { name: this.fault.name, state: this.state, healsAt, error: this.error };
  }

  /** Also one that could not be injected whole is mended: half of it may have happened. */
  break(): void {
    if (this.state !== 'OFF') return;
    this.state = 'INJECTING';
    this.error = null;
    this.healsAt = Date.now() + this.healAfterMs;
    this.timer = setTimeout(() => void this.mend(), this.healAfterMs);
    this.work = this.fault.inject().then(
      () => void (this.state = 'ON'),
      (error: unknown) => {
        this.error = wordsOf(error);
        this.state = 'ON';
      },
    );
  }

  /** Resolves when it is off again, or could not be mended. */
  mend(): Promise<void> {
    if (this.state === 'OFF' || this.state === 'HEALING') return this.work;
    clearTimeout(this.timer);
    this.work = this.work.then(async () => {
      this.state = 'HEALING';
      await this.fault.heal().catch((error: unknown) => (this.error = wordsOf(error)));
      this.healsAt = null;
      this.state = 'OFF';
    });
    return this.work;
  }
}

/** @throws Error when no port can be opened */
export async function startFaultControl({ faults, healAfterMs, runs }: ControlOptions): Promise<FaultControl> {
  const secret = randomUUID();
  const switches = new Map<string, Switch>();
  const all = (): ReadonlyMap<string, Switch> => {
    if (switches.size === 0) for (const fault of faults()) switches.set(fault.name, new Switch(fault, healAfterMs));
    return switches;
  };
  const server = createServer((request, response) => {
    const { status, body } = reportOf(request, secret, runs) ?? answer(request, secret, all);
    send(response, status, body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/${secret}`,
    stop: async () => {
      await Promise.all([...switches.values()].map((one) => one.mend()));
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/** null: it was not asked for. */
function reportOf({ method, url = '' }: IncomingMessage, secret: string, runs: ControlOptions['runs']): Reply | null {
  const [, given, what, id] = url.split('/', 4);
  if (given !== secret || what !== 'runs' || method !== 'GET') return null;
  if (id === undefined) return { status: 200, body: runs?.list() ?? [] };
  const page = runs?.page(decodeURIComponent(id)) ?? null;
  return page === null ? { status: 404, body: { error: 'no such run' } } : { status: 200, body: { page } };
}

function answer(
  { method = '', url = '' }: IncomingMessage,
  secret: string,
  all: () => ReadonlyMap<string, Switch>,
): Reply {
  const [, given, name] = url.split('/', 3);
  if (given !== secret) return { status: 404, body: { error: 'nothing is here' } };
  if (name === undefined && method === 'GET') {
    return { status: 200, body: [...all().values()].map(({ status }) => status) };
  }
  const one = all().get(decodeURIComponent(name ?? ''));
  if (one === undefined) return { status: 404, body: { error: 'no such fault' } };
  if (method === 'PUT') {
    const other = [...all().values()].find((each) => each !== one && each.state !== 'OFF');
    if (other !== undefined) return { status: 409, body: { error: `${other.status.name} is on: mend it first` } };
    one.break();
  } else if (method === 'DELETE') void one.mend();
  else return { status: 405, body: { error: 'use GET, PUT or DELETE' } };
  return { status: 202, body: one.status };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
