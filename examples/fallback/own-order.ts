/** An order of one's own: written to the source topic, and read back by the same session, whichever store answers. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { DASHBOARD, type Client, type Policy } from '@tidemark/client';

const TIDEMARK = new URL('../../bin/tidemark.mjs', import.meta.url).pathname;
const ORDER_ID = `example-${randomUUID().slice(0, 8)}`;
const ORDER = 'query ($id: ID!) { order(orderId: $id) { quantity { value servedBy } } }';

interface Own {
  readonly order: { readonly quantity: { readonly value: number; readonly servedBy: string } } | null;
}

/** One's own order is shown whatever its level: it is the newest that matters. */
const POLICY: Policy = { ...DASHBOARD, name: 'own order', minConfidence: 'LOW', fallback: 'NOTHING' };

/** An application has a producer of its own; here the command line is one. */
async function write(quantity: number): Promise<string> {
  const time = new Date().toISOString();
  const event = {
    event_id: randomUUID(),
    order_id: ORDER_ID,
    symbol: 'EXAMPLE',
    side: 'BUY',
    quantity,
    price: '100',
    status: 'PENDING',
    op: quantity === 1 ? 'c' : 'u',
    event_time: time,
    produce_time: time,
    version: quantity,
  };
  const produced = promisify(execFile)(process.execPath, [TIDEMARK, 'produce', '-']);
  produced.child.stdin?.end(`${JSON.stringify(event)}\n`);
  await produced;
  return event.event_id;
}

const shownBy = ({ order }: Own): string =>
  order === null ? 'nothing' : `${order.quantity.value} (${order.quantity.servedBy})`;

/** Sets the quantity of the order, and says in a sentence what the session reads then, and what somebody else would. */
export async function changeOwnOrder(client: Client, stranger: Client, quantity: number): Promise<string> {
  const eventId = await write(quantity);
  const { missing } = await client.awaitIngested([eventId]);
  const options = { variables: { id: ORDER_ID }, policy: POLICY };
  const mine = await client.query<Own>(ORDER, options);
  // No token: the cheapest store, however far it is.
  const { data } = await stranger.request(ORDER, { variables: { id: ORDER_ID } });
  const promise = missing.length === 0 ? 'accepted' : 'not confirmed in time, so nothing is promised';
  const read = mine.shown === null ? mine.decision.action : shownBy(mine.shown);
  return `--- own order: wrote ${quantity}, ${promise}; this session reads ${read}, a stranger ${shownBy(data as Own)}`;
}
