/** Hears staleness events over both of the server's protocols, until it is cut off like a connection that breaks. */
import { WebSocket } from 'ws';

/** Cut after so many events or so many milliseconds, whichever comes first. */
export interface Cut {
  readonly events: number;
  readonly ms: number;
}
/** @returns the ids that came before the cut */
export type Hearing = (url: string, after: string, cut: Cut) => Promise<string[]>;

const QUERY = 'subscription ($after: ID) { stalenessEvents(after: $after) { id } }';
interface Told {
  readonly data: { readonly stalenessEvents: { readonly id: string } };
}

export const hearBySocket: Hearing = (url, after, { events, ms }) => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, ['graphql-transport-ws']);
  const ids: string[] = [];
  return new Promise((resolve, reject) => {
    const cut = (): void => {
      socket.removeAllListeners('message');
      socket.terminate();
    };
    const timer = setTimeout(cut, ms);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(ids);
    });
    socket.on('open', () => socket.send('{"type":"connection_init"}'));
    socket.on('message', (data) => {
      const { type, payload } = JSON.parse((data as Buffer).toString('utf8')) as { type: string; payload?: Told };
      if (type === 'connection_ack')
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: QUERY, variables: { after } } }));
      else if (type === 'next' && payload !== undefined) ids.push(payload.data.stalenessEvents.id);
      else if (type !== 'ping') reject(new Error(`unexpected: ${(data as Buffer).toString('utf8')}`));
      if (ids.length >= events) cut();
    });
  });
};

export const hearByStream: Hearing = async (url, after, { events, ms }) => {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ms);
  const ids: string[] = [];
  try {
    const response = await fetch(`${url}/graphql/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query: QUERY, variables: { after } }),
      signal: abort.signal,
    });
    let left = '';
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      const parts = (left + Buffer.from(chunk).toString('utf8')).split('\n\n');
      left = parts.pop() ?? '';
      for (const part of parts) {
        const data = /^data: (.*)$/m.exec(part)?.[1];
        if (!part.startsWith('event: next') || data === undefined) continue;
        ids.push((JSON.parse(data) as Told).data.stalenessEvents.id);
        if (ids.length >= events) return ids;
      }
    }
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
  return ids;
};
