/** Recomputes anomalies (contract.md §4): what a rule says of an order, its predecessors all at hand. Pure. */
import { ANOMALY_RULES, anomalyKey, type AnomalyRule } from '../../wire/anomaly.js';
import type { OrderEvent } from '../../wire/event.js';
import { Anomalies, anomalyEvidenceOf, anomalyValueOf, firstOffsetOf, type Anomaly } from '../../fold/anomaly.js';
import { canonical, Decimal } from '../../fold/decimal.js';
import { digestOf, sumOf } from '../../fold/digest.js';
import { foldOrder, type OrderEntry } from '../../fold/order.js';
import type { Settings } from '../../fold/settings.js';
import { lostEvidence, type EventPlace, type KindFold, type KindKeys, type Wanted } from './kind.js';
import { lostOfSymbol } from './orders.js';

/** `<rule>:<order id>` → both; null: it is no key of an anomaly. */
export function ofAnomalyKey(businessKey: string): { rule: AnomalyRule; orderId: string } | null {
  const at = businessKey.indexOf(':');
  const rule = ANOMALY_RULES.find((own) => own === businessKey.slice(0, at));
  return rule === undefined ? null : { rule, orderId: businessKey.slice(at + 1) };
}

const thresholdOf = (rule: AnomalyRule, settings: Settings): string =>
  ({
    LARGE_ORDER: String(settings.largeOrderQuantity),
    HIGH_AMOUNT: canonical(new Decimal(settings.highAmount)),
    PRICE_SPIKE: canonical(new Decimal(settings.priceSpikePercent)),
    RAPID_ORDERS: String(settings.rapidOrders),
  })[rule];

interface Order {
  readonly event: OrderEvent;
  readonly timeMs: number;
  readonly place: EventPlace;
}

/** Remembers each order that it has seen, as who recomputes an anomaly does. */
export function anomalyKeys(settings: Settings): KindKeys {
  const memory = new Map<string, OrderEntry>();
  const anomalies = new Anomalies(settings, -Infinity);
  return (event, timeMs, { offset }) =>
    foldOrder(memory, event, timeMs, offset).created
      ? anomalies.see(event, timeMs, offset, null).anomalies.map(({ rule }) => anomalyKey(rule, event.order_id))
      : [];
}

export function anomalyFold(settings: Settings): KindFold {
  const wanted = new Map<string, Wanted>();
  /** Symbols of which every order is looked at. */
  const symbols = new Map<string, ReadonlySet<number>>();
  const memory = new Map<string, OrderEntry>();
  // No watermark: nothing is too late, and nothing forgotten.
  const anomalies = new Anomalies(settings, -Infinity);
  const orders = new Map<string, Order>();
  const wantedOrders = new Set<string>();
  const found = new Map<string, { anomaly: Anomaly; place: EventPlace }>();
  return {
    want(one) {
      const key = ofAnomalyKey(one.businessKey);
      if (key === null || one.symbol === null) return;
      wanted.set(one.businessKey, one);
      wantedOrders.add(key.orderId);
      symbols.set(one.symbol, new Set([...(symbols.get(one.symbol) ?? []), ...one.partitions]));
    },
    take(event, timeMs, place) {
      if (symbols.get(event.symbol)?.has(place.partition) !== true) return;
      if (!foldOrder(memory, event, timeMs, place.offset).created) return;
      if (wantedOrders.has(event.order_id)) orders.set(event.order_id, { event, timeMs, place });
      for (const anomaly of anomalies.see(event, timeMs, place.offset, null).anomalies) {
        const key = anomalyKey(anomaly.rule, event.order_id);
        if (wanted.has(key)) found.set(key, { anomaly, place });
      }
    },
    answer(businessKey, lost) {
      const key = ofAnomalyKey(businessKey);
      const order = key === null ? undefined : orders.get(key.orderId);
      if (key === null || order === undefined) return null;
      const { event, timeMs, place } = order;
      const own = found.get(businessKey);
      if (own !== undefined) {
        const { beginsMs } = own.anomaly;
        const named = lostOfSymbol(event.symbol, beginsMs, firstOffsetOf(own.anomaly), lost, settings);
        const evidence = { ...anomalyEvidenceOf(own.anomaly, place.partition), ...lostEvidence(named) };
        return { op: 'upsert', value: anomalyValueOf(own.anomaly), evidence, state: null };
      }
      const { rule } = key;
      // Not one, and said so: the engine may have said that it is.
      const named = lostOfSymbol(event.symbol, timeMs - settings.rapidWindowMs, place.offset, lost, settings);
      return {
        op: 'delete',
        value: {
          rule,
          order_id: event.order_id,
          symbol: event.symbol,
          observed: '0',
          threshold: thresholdOf(rule, settings),
          detected_at: event.event_time,
        },
        evidence: {
          events: 1,
          digest: sumOf([digestOf(event.event_id)]).toString(),
          coverage: { [String(place.partition)]: [place.offset, place.offset] },
          max_event_time: event.event_time,
          ...lostEvidence(named),
        },
        state: null,
      };
    },
  };
}
