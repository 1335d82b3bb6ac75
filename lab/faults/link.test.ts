import { once } from 'node:events';
import { connect, createServer, Socket, type AddressInfo, type Server } from 'node:net';
import { eventually } from '../../test/harness/eventually.js';
import { openLink, type Link } from './link.js';

let server: Server;
let link: Link;
const clients: Socket[] = [];
beforeEach(async () => {
  // Says everything twice.
  server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (chunk) => socket.write(Buffer.concat([chunk, chunk])));
    socket.on('end', () => socket.end());
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  link = await openLink({ port: (server.address() as AddressInfo).port });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await link.close();
  await new Promise((resolve) => server.close(resolve));
});

interface Client {
  readonly socket: Socket;
  heard: string;
  error: string | null;
  ended: boolean;
}
async function client(): Promise<Client> {
  const socket = connect(link.port, '127.0.0.1');
  clients.push(socket);
  const made: Client = { socket, heard: '', error: null, ended: false };
  socket.on('data', (chunk) => (made.heard += chunk.toString()));
  socket.on('error', (error: NodeJS.ErrnoException) => (made.error = error.code ?? error.message));
  socket.on('end', () => (made.ended = true));
  await once(socket, 'connect').catch(() => undefined);
  return made;
}

test('a healthy link passes everything on, in order, to the end of both sides', async () => {
  const one = await client();
  const said = 'x'.repeat(3_000_000);
  one.socket.end(said);
  await eventually(() => expect(one.ended).toBe(true));
  expect(one.heard.length).toBe(2 * said.length);
  expect(link.received).toBe(2 * said.length);
  await eventually(() => expect(link.connections).toBe(0));
});

test('a slow link delays both directions and keeps the order', async () => {
  const one = await client();
  link.slow(150);
  const from = performance.now();
  one.socket.write('a');
  one.socket.write('b');
  await eventually(() => expect(one.heard).toMatch(/^(aabb|abab)$/), { everyMs: 5 });
  expect(performance.now() - from).toBeGreaterThanOrEqual(295);
});

test('a silent link tells nobody; healed, it passes on what it held back', async () => {
  const one = await client();
  link.silence();
  one.socket.write('a');
  const other = await client();
  other.socket.write('b');
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect([one.heard, one.error, other.heard, other.error]).toEqual(['', null, '', null]);
  link.heal();
  await eventually(() => expect([one.heard, other.heard]).toEqual(['aa', 'bb']));
});

test('over a silent link the other side does not hear of a hang-up until it is healed', async () => {
  let open = 0;
  server.on('connection', (socket: Socket) => {
    open += 1;
    socket.on('close', () => (open -= 1));
  });
  const one = await client();
  await eventually(() => expect(open).toBe(1));
  link.silence();
  one.socket.resetAndDestroy();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(open).toBe(1);
  link.heal();
  await eventually(() => expect(open).toBe(0));
});

test('a reset ends what is open, and new connections work; a cut link refuses them until it is healed', async () => {
  const one = await client();
  one.socket.write('a');
  await eventually(() => expect(one.heard).toBe('aa'));
  link.reset();
  await eventually(() => expect(one.error).toBe('ECONNRESET'));
  const two = await client();
  link.cut();
  await eventually(() => expect(two.error).toBe('ECONNRESET'));
  const three = await client();
  await eventually(() => expect(three.error).toBe('ECONNRESET'));
  link.heal();
  const four = await client();
  four.socket.write('d');
  await eventually(() => expect(four.heard).toBe('dd'));
});

test('cut in the moment in which a side hangs up, a link lets go of both sockets', async () => {
  const { port } = server.address() as AddressInfo;
  const end = Socket.prototype.end;
  const closed: string[] = [];
  Socket.prototype.end = function (this: Socket, ...args: unknown[]): Socket {
    const ended = Reflect.apply(end, this, args) as Socket;
    if (this.remotePort !== port) return ended;
    this.once('close', () => closed.push('closed'));
    link.cut();
    return ended;
  };
  try {
    const one = await client();
    one.socket.write('a');
    await eventually(() => expect(one.heard).toBe('aa'));
    one.socket.end();
    await eventually(() => expect(closed).toEqual(['closed']), { timeoutMs: 4_000 });
  } finally {
    Socket.prototype.end = end;
  }
});
