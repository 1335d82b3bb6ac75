import { affectedBy, followEvents, Session, type Affected, type Subscribe, type TrustEvent } from './index.js';

const event = (id: string, over: Partial<TrustEvent> = {}): TrustEvent => ({
  id,
  type: 'CONFIDENCE_LOWERED',
  store: null,
  pipeline: 'p',
  engine: 'FLINK',
  kind: 'order_window',
  businessKey: 'k',
  symbol: null,
  levelBefore: 'HIGH',
  levelAfter: 'LOW',
  reasons: [],
  message: '',
  ...over,
});

/** A server whose subscriptions are driven by hand. */
class Wire {
  readonly asked: unknown[] = [];
  stopped = 0;
  sink: Parameters<Subscribe>[1] | null = null;
  readonly subscribe: Subscribe = (request, sink) => {
    this.asked.push(request.variables['after']);
    this.sink = sink;
    return () => void this.stopped++;
  };
  tell(...events: TrustEvent[]): void {
    for (const one of events) this.sink?.next({ data: { stalenessEvents: one } });
  }
}
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

test('after whatever end it goes on behind the last event, and what an ended subscription still says is not heard', async () => {
  const wire = new Wire();
  const heard: string[] = [];
  const followed = followEvents(wire.subscribe, { after: '5-1', random: () => 0, onEvent: ({ id }) => heard.push(id) });
  wire.tell(event('6-1'));
  const old = wire.sink;
  old?.complete();
  old?.next({ data: { stalenessEvents: event('7-1') } });
  await settled();
  wire.tell(event('6-2'));
  wire.sink?.error(new Error('cut'));
  await settled();
  wire.sink?.next({ errors: [{}] });
  await settled();
  expect(wire.asked).toEqual(['5-1', '6-1', '6-2', '6-2']);
  expect(heard).toEqual(['6-1', '6-2']);
  expect(followed.last).toBe('6-2');
  followed.stop();
  wire.sink?.complete();
  await settled();
  expect([wire.asked.length, wire.stopped]).toEqual([4, 4]);
});

test('pauses grow while nothing comes, and begin anew once something has come', async () => {
  const wire = new Wire();
  const pauses: number[] = [];
  const followed = followEvents(wire.subscribe, {
    random: () => 0.004,
    onEvent: () => undefined,
    onInterrupted: (_error, inMs) => pauses.push(inMs),
  });
  for (let i = 0; i < 3; i++) {
    const before = wire.asked.length;
    wire.sink?.complete();
    while (wire.asked.length === before) await settled();
  }
  wire.tell(event('1-1'));
  wire.sink?.complete();
  expect(pauses).toEqual([1, 2, 4, 1]);
  followed.stop();
});

test('what to read again is told once for events that come together: each result once, or everything', async () => {
  const wire = new Wire();
  const told: (readonly Affected[])[] = [];
  const followed = followEvents(wire.subscribe, { onEvent: () => undefined, onAffected: (all) => told.push(all) });
  const key = { what: 'KEY', kind: 'order_window', businessKey: 'k', engine: 'FLINK' } as const;
  wire.tell(event('1-1', { type: 'VIOLATION' }), event('1-2'), event('1-3', { businessKey: 'other' }));
  await settled();
  const nothing = { kind: null, businessKey: null };
  wire.tell(event('2-1', { type: 'ALERT_RAISED', ...nothing }));
  await settled();
  wire.tell(event('3-1'), event('3-2', { type: 'PIPELINE_STOPPED', ...nothing }));
  await settled();
  expect(told).toEqual([[key, { ...key, businessKey: 'other' }], [{ what: 'ALL' }]]);
  for (const type of ['GAP', 'STORE_BEHIND', 'SOMETHING_NEW'])
    expect(affectedBy(event('4-1', { type, ...nothing }))).toEqual({ what: 'ALL' });
  followed.stop();
});

test('a session hears what it subscribes to, and goes on where it was', async () => {
  const wire = new Wire();
  const heard: string[] = [];
  const followed = new Session({ random: () => 0 }).subscribe(wire.subscribe, { onEvent: ({ id }) => heard.push(id) });
  wire.tell(event('1-1'));
  wire.sink?.complete();
  await settled();
  expect([heard, wire.asked]).toEqual([['1-1'], [null, '1-1']]);
  followed.stop();
});
