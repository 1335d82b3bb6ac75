/**
 * A link between a client and a server that can be slowed, silenced, reset and cut: a TCP proxy. It knows no protocol, so
 * it serves for Postgres and Kafka alike (Kafka's brokers must advertise the link's port).
 */
import { connect, createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

export interface LinkTarget {
  readonly port: number;
  readonly host?: string;
}

export interface Link {
  readonly port: number;
  /** Each chunk, in both directions, is passed on so much later, in order. 0 heals. Milliseconds. */
  slow(latencyMs: number): void;
  /**
   * Nothing is passed on any more, not even that a side has hung up: as if the cable were pulled. What was held back goes
   * on with `heal`.
   */
  silence(): void;
  /** Every open connection is reset (RST); new ones work. */
  reset(): void;
  /** Every open connection is reset, and new ones are refused. */
  cut(): void;
  heal(): void;
  /** Something is done to it now. */
  readonly isTroubled: boolean;
  /** Connections that are open now. */
  readonly connections: number;
  /** Bytes passed to the clients so far. */
  readonly received: number;
  close(): Promise<void>;
}

/** One direction of one connection, in order. */
class Pipe {
  private readonly held: { readonly chunk: Buffer; readonly dueMs: number }[] = [];
  private heldBytes = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    private readonly link: ProxyLink,
    private readonly passed: (bytes: number) => void,
  ) {
    from.on('data', (chunk: Buffer) => {
      this.held.push({ chunk, dueMs: performance.now() + link.latencyMs });
      this.heldBytes += chunk.length;
      // A silent link holds back no more than a router would.
      if (this.heldBytes > HELD_BYTES) from.pause();
      this.flush();
    });
    from.on('end', () => this.flush());
  }

  flush(): void {
    clearTimeout(this.timer);
    while (!this.link.silent && this.held[0] !== undefined) {
      const waitMs = this.held[0].dueMs - performance.now();
      if (waitMs > 0) {
        this.timer = setTimeout(() => this.flush(), waitMs);
        return;
      }
      const { chunk } = this.held.shift()!;
      this.heldBytes -= chunk.length;
      this.passed(chunk.length);
      if (!this.to.write(chunk)) {
        this.from.pause();
        this.to.once('drain', () => this.from.resume());
      }
    }
    if (this.link.silent) return;
    if (this.from.readableEnded) this.to.end();
    else if (!this.to.writableNeedDrain) this.from.resume();
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}

const HELD_BYTES = 256 * 1024;

interface Pair {
  readonly sockets: readonly [Socket, Socket];
  readonly pipes: readonly [Pipe, Pipe];
}

class ProxyLink implements Link {
  latencyMs = 0;
  silent = false;
  received = 0;
  private refusing = false;
  private readonly pairs = new Set<Pair>();
  /** One side is gone, and the other has not heard of it. */
  private readonly hungUp = new Set<Pair>();
  private readonly server = createServer({ allowHalfOpen: true }, (client) => this.join(client));

  constructor(private readonly target: LinkTarget) {}

  listen(port: number): Promise<this> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, '127.0.0.1', () => resolve(this));
    });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get isTroubled(): boolean {
    return this.latencyMs > 0 || this.silent || this.refusing;
  }

  get connections(): number {
    return this.pairs.size;
  }

  private join(client: Socket): void {
    if (this.refusing) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ port: this.target.port, host: this.target.host ?? '127.0.0.1', allowHalfOpen: true });
    client.setNoDelay(true);
    server.setNoDelay(true);
    const pair: Pair = {
      sockets: [client, server],
      pipes: [
        new Pipe(client, server, this, () => undefined),
        new Pipe(server, client, this, (bytes) => (this.received += bytes)),
      ],
    };
    this.pairs.add(pair);
    for (const socket of pair.sockets) {
      socket.on('error', () => this.end(pair));
      socket.on('close', () => this.end(pair));
    }
  }

  private end(pair: Pair): void {
    if (this.silent && !this.refusing) {
      this.hungUp.add(pair);
      return;
    }
    if (!this.pairs.delete(pair)) return;
    for (const pipe of pair.pipes) pipe.stop();
    // A reset while a hang-up is under way fails (EINVAL), and Node never lets go of such a socket: the process can't end.
    for (const socket of pair.sockets) {
      if (socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  slow(latencyMs: number): void {
    this.latencyMs = latencyMs;
  }

  silence(): void {
    this.silent = true;
  }

  reset(): void {
    this.silent = false;
    for (const pair of this.pairs) this.end(pair);
  }

  cut(): void {
    this.refusing = true;
    this.reset();
  }

  heal(): void {
    this.refusing = false;
    this.silent = false;
    this.latencyMs = 0;
    for (const pair of this.hungUp) this.end(pair);
    this.hungUp.clear();
    for (const { pipes } of this.pairs) for (const pipe of pipes) pipe.flush();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** @param port to listen on; 0 picks a free one */
export const openLink = (target: LinkTarget, port = 0): Promise<Link> => new ProxyLink(target).listen(port);
