/** Generated events at a steady pace whose event times run much faster: windows close by the hundred while writes flow. */
import { connectedProducer, kafkaClient, PATIENT_RETRIES } from '../../generator/kafka.js';
import {
  backfill,
  DEFAULT_STREAM,
  due,
  EventStream,
  type SourceMessage,
  type StreamOptions,
} from '../../generator/stream.js';

const BATCH = 1_000;
const PACE_MS = 50;

export interface FlowOptions {
  readonly brokers: string;
  readonly stream: Partial<StreamOptions>;
  /** Records a second; a machine that can't take so many lets them pile up in Kafka. */
  readonly rate: number;
  /** So many, of event times from then to then. */
  readonly past: number;
  readonly from: Date;
  readonly to: Date;
  /** Then records of now until it is stopped; else it ends. */
  readonly goesOn?: boolean;
}

export class Flow {
  /** Acknowledged by Kafka. */
  sent = 0;
  private ending = false;
  private failure: Error | null = null;
  private readonly running: Promise<void>;

  constructor(private readonly options: FlowOptions) {
    this.running = this.run();
    this.running.catch((error: unknown) => (this.failure = error as Error));
  }

  /** Everything of the past has been sent. @throws what ended it, so that nobody waits for more */
  get isPast(): boolean {
    if (this.failure !== null) throw this.failure;
    return this.sent >= this.options.past;
  }

  async stop(): Promise<void> {
    this.ending = true;
    await this.running;
  }

  /** Waits until it has ended by itself. */
  ended(): Promise<void> {
    return this.running;
  }

  private async run(): Promise<void> {
    const { brokers, stream, rate, past, from, to, goesOn } = this.options;
    const events = new EventStream({ ...DEFAULT_STREAM, ...stream }, `flow-${from.getTime().toString(36)}`);
    const older = backfill(events, past, from.getTime(), to.getTime());
    const next = (): SourceMessage => {
      const { value, done } = older.next();
      return done === true ? events.next(Date.now()) : value;
    };
    const producer = await connectedProducer(kafkaClient(brokers, 'tidemark-flow', PATIENT_RETRIES));
    const began = Date.now();
    try {
      while (!this.ending && (goesOn === true || !this.isPast)) {
        const most = goesOn === true ? BATCH : Math.min(BATCH, past - this.sent);
        const ready = Math.max(0, Math.min(most, due(rate, began, Date.now()) - this.sent));
        const messages = Array.from({ length: ready }, () => next());
        if (messages.length > 0) await producer.send({ topic: 'orders.events', acks: -1, messages });
        this.sent += messages.length;
        await new Promise((resolve) => setTimeout(resolve, PACE_MS));
      }
    } finally {
      await producer.disconnect();
    }
  }
}
