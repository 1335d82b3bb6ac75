import { anomalyEvidenceOf, anomalyValueOf } from '../../fold/anomaly.js';
import {
  KIND_ANOMALY,
  KIND_ORDER,
  KIND_ORDER_WINDOW,
  anomalyKey,
  partitionOf,
  type ControlKind,
  type ControlMessage,
  type ControlPayload,
  type Evidence,
  type HeartbeatPayload,
  type Reset,
  type ResultMessage,
  type SourceProgress,
} from './wire.js';
import { Outbox, type Outgoing } from './outbox.js';
import { orderEvidenceOf, orderValueOf, type OrderMemory } from '../../fold/order.js';
import { SourcePartition, type Effect } from './partition.js';
import { maxEventTimeBefore, type StartPosition } from './position.js';
import { AppendTimes } from './progress.js';
import { iso, type Settings, type SourceRecord } from '../../fold/settings.js';
import type { PartitionSnapshot } from './snapshot.js';
import { deadLetterPayload, lateDroppedPayload, makeStamp, type Stamp } from './stamp.js';
import { causeOf, evidenceOf, keyOf, valueOf, type WindowState } from '../../fold/window.js';

export interface RunStart {
  readonly runId: string;
  readonly settings: Settings;
  readonly resultPartitions: number;
  readonly starts: readonly StartPosition[];
  readonly snapshots: ReadonlyMap<number, PartitionSnapshot>;
  readonly nowMs: number;
  /** Where the orders of a source partition are remembered; left out: in memory, without a bound. */
  readonly orderMemory?: (partition: number) => OrderMemory;
}

/** One run of the processor: from source records to stamped records in the outbox. No clock, no I/O. */
export class Run {
  readonly id: string;
  readonly outbox = new Outbox();
  readonly partitions = new Map<number, SourcePartition>();
  readonly #appendTimes = new Map<number, AppendTimes>();
  readonly #settings: Settings;
  readonly #resultPartitions: number;
  readonly #stamp: Stamp;
  readonly #memories: OrderMemory[] = [];

  constructor({ runId, settings, resultPartitions, starts, snapshots, nowMs, orderMemory }: RunStart) {
    this.id = runId;
    this.#settings = settings;
    this.#resultPartitions = resultPartitions;
    this.#stamp = makeStamp(runId);
    for (const start of starts) {
      const snapshot = snapshots.get(start.partition) ?? null;
      const orders = orderMemory?.(start.partition);
      if (orders !== undefined) this.#memories.push(orders);
      const partition = new SourcePartition(settings, start, snapshot, orders);
      this.partitions.set(start.partition, partition);
      this.#appendTimes.set(start.partition, new AppendTimes());
      this.#announce(start, partition, nowMs);
    }
    for (const partition of this.partitions.values()) this.#act(partition, partition.closeDue(), nowMs);
  }

  /** The run is over: its order memory goes. */
  close(): void {
    for (const memory of this.#memories) memory.close?.();
  }

  /** Folds records of one source partition, in offset order, and emits what may be emitted now. */
  onRecords(partition: number, records: readonly SourceRecord[], nowMs: number): void {
    const source = this.partitions.get(partition);
    const times = this.#appendTimes.get(partition);
    if (source === undefined || times === undefined) return;
    for (const record of records) {
      if (record.offset >= source.position) times.note(record.offset, record.appendTimeMs);
      this.#act(source, source.apply(record), nowMs);
    }
    this.#act(source, source.resetDue(), nowMs);
    this.#emitDue(source, nowMs, false);
  }

  /** A command to replace the state of a result; for another owner's partition it is nothing. */
  reset(command: Reset, nowMs: number): void {
    const source = this.partitions.get(command.source_partition);
    if (source === undefined) return;
    source.reset(command);
    this.#act(source, source.resetDue(), nowMs);
  }

  /** Emits changes that had to wait for their second. */
  tick(nowMs: number): void {
    for (const source of this.partitions.values()) this.#emitDue(source, nowMs, false);
  }

  /** Emits every change regardless of its second: the run is about to stop. */
  flush(nowMs: number): void {
    for (const source of this.partitions.values()) this.#emitDue(source, nowMs, true);
  }

  /** A heartbeat into every result partition, with the progress that is confirmed by now. */
  heartbeat(state: HeartbeatPayload['state'], nowMs: number): void {
    const sources: Record<string, SourceProgress> = {};
    for (const [partition, source] of this.partitions) sources[String(partition)] = this.#progress(source);
    for (let p = 0; p < this.#resultPartitions; p++) this.#control('_heartbeat', this.id, { state, sources }, p, nowMs);
  }

  #progress(source: SourcePartition): SourceProgress {
    let next = Math.min(source.position, this.outbox.lowestUnacked(source.partition));
    for (const window of source.dirty) next = Math.min(next, window.dirtySince ?? next);
    const appendTimeMs = this.#appendTimes.get(source.partition)?.below(next) ?? null;
    const watermarkMs = source.watermarkMs;
    return {
      next_offset: next,
      append_time: appendTimeMs === null ? null : iso(appendTimeMs),
      watermark: watermarkMs === null ? null : iso(Math.max(0, watermarkMs)),
    };
  }

  #announce(start: StartPosition, partition: SourcePartition, nowMs: number): void {
    const topic = this.#settings.sourceTopic;
    const payload = {
      source_topic: topic,
      source_partition: start.partition,
      start_offset: start.startOffset,
      log_start_offset: start.logStartOffset,
      max_event_time_before: maxEventTimeBefore(start, partition.marksRestored),
    };
    const key = `${topic}/${start.partition}`;
    for (let p = 0; p < this.#resultPartitions; p++) this.#control('_assignment', key, payload, p, nowMs);
  }

  #act(source: SourcePartition, effects: readonly Effect[], nowMs: number): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'final':
          this.#emit(source, effect.window, true, nowMs);
          break;
        case 'order':
        case 'anomaly':
          this.#say(source, effect, nowMs);
          break;
        case 'late_dropped': {
          const carries = { partition: source.partition, offset: effect.offset };
          const result = partitionOf(effect.event.symbol, this.#resultPartitions);
          this.#control(
            '_late_dropped',
            effect.key,
            lateDroppedPayload(effect, source.partition),
            result,
            nowMs,
            carries,
          );
          break;
        }
        case 'dead_letter': {
          const carries = { partition: source.partition, offset: effect.record.offset };
          const { key } = effect.record;
          const result =
            key === null ? source.partition % this.#resultPartitions : partitionOf(key, this.#resultPartitions);
          const payload = deadLetterPayload(effect, this.#settings.sourceTopic, source.partition);
          const businessKey = `${payload.source_topic}/${source.partition}/${effect.record.offset}`;
          this.#control('_dead_letter', businessKey, payload, result, nowMs, carries);
          break;
        }
      }
    }
  }

  /** Orders and anomalies are emitted as they happen: what is not confirmed is read again after a crash. */
  #say(source: SourcePartition, effect: Extract<Effect, { kind: 'order' | 'anomaly' }>, nowMs: number): void {
    const { partition } = source;
    const { event, offset } = effect.kind === 'order' ? effect.change : effect.anomaly;
    const fields =
      effect.kind === 'order'
        ? {
            kind: KIND_ORDER,
            business_key: event.order_id,
            op: event.op === 'd' ? ('delete' as const) : ('upsert' as const),
            calculated_value: orderValueOf(effect.change),
            revision: effect.change.revision,
            final: false,
            evidence: withLost(orderEvidenceOf(effect.change, partition), partition, effect.lost),
            ...resetBy(effect.change),
          }
        : {
            kind: KIND_ANOMALY,
            business_key: anomalyKey(effect.anomaly.rule, event.order_id),
            calculated_value: anomalyValueOf(effect.anomaly),
            revision: 1,
            final: true,
            evidence: withLost(anomalyEvidenceOf(effect.anomaly, partition), partition, effect.lost),
          };
    const result = { ...fields, cause: 'IN_ORDER' } satisfies Partial<ResultMessage<object>>;
    const message = this.#stamp(partitionOf(event.symbol, this.#resultPartitions), nowMs, result);
    this.#add(message, result.business_key, { partition, offset });
  }

  #emitDue(source: SourcePartition, nowMs: number, all: boolean): void {
    for (const window of source.dirty) {
      const waits = window.emittedAtMs !== null && nowMs - window.emittedAtMs < this.#settings.emitIntervalMs;
      if (waits && !all) continue;
      source.dirty.delete(window);
      this.#emit(source, window, false, nowMs);
    }
  }

  #emit(source: SourcePartition, window: WindowState, final: boolean, nowMs: number): void {
    const businessKey = keyOf(window);
    window.revision++;
    window.emittedAtMs = nowMs;
    const message = this.#stamp(partitionOf(window.symbol, this.#resultPartitions), nowMs, {
      kind: KIND_ORDER_WINDOW,
      business_key: businessKey,
      calculated_value: valueOf(window),
      revision: window.revision,
      cause: causeOf(window),
      final,
      evidence: evidenceOf(window, source.partition),
      ...resetBy(window),
    } satisfies Partial<ResultMessage<object>>);
    const offset = window.dirtySince ?? source.position;
    window.dirtySince = null;
    this.#add(message, businessKey, { partition: source.partition, offset, window });
  }

  #control<K extends ControlKind>(
    kind: K,
    businessKey: string,
    payload: ControlPayload[K],
    resultPartition: number,
    nowMs: number,
    carries?: Outgoing['carries'],
  ): void {
    const fields = { kind, business_key: businessKey, calculated_value: payload } satisfies Partial<ControlMessage<K>>;
    this.#add(this.#stamp(resultPartition, nowMs, fields), businessKey, carries);
  }

  #add(stamped: ReturnType<Stamp>, key: string, carries: Outgoing['carries']): void {
    const { resultPartition, value } = stamped;
    this.outbox.add({ resultPartition, key, value, ...(carries === undefined ? {} : { carries }) });
  }
}

const withLost = (evidence: Evidence, partition: number, lost: readonly number[]): Evidence =>
  lost.length === 0 ? evidence : { ...evidence, lost: { [String(partition)]: [...lost] } };

const resetBy = ({ resetBy: nonce }: { readonly resetBy: string | null }): Pick<ResultMessage, 'state_reset'> =>
  nonce === null ? {} : { state_reset: nonce };
