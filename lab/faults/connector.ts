/** The connector behind Kafka Connect's REST. Requests are bounded; a state is waited for. */
const NAME = 'tidemark-commit-log';
const REQUEST_MS = 10_000;
const STATE_MS = 90_000;

interface Status {
  readonly connector: { readonly state: string };
  readonly tasks: readonly { readonly state: string }[];
}

export class Connector {
  constructor(private readonly connectUrl: string) {}

  /** State of the connector and of its tasks; null: Connect does not answer, or does not know it. */
  async states(): Promise<string[] | null> {
    try {
      const response = await fetch(this.url('status'), { signal: AbortSignal.timeout(REQUEST_MS) });
      if (!response.ok) return null;
      const { connector, tasks } = (await response.json()) as Status;
      return [connector.state, ...tasks.map(({ state }) => state)];
    } catch {
      return null;
    }
  }

  /** Puts an action and waits until every state is the wanted one. @throws Error when the time is over */
  async become(action: 'pause' | 'resume' | 'stop', state: string): Promise<void> {
    const end = performance.now() + STATE_MS;
    let states: string[] | null = null;
    while (performance.now() < end) {
      // Repeated: Connect refuses while it rebalances.
      await fetch(this.url(action), { method: 'PUT', signal: AbortSignal.timeout(REQUEST_MS) }).catch(() => undefined);
      states = await this.states();
      if (states?.every((one) => one === state)) return;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    throw new Error(`the connector is ${states?.join() ?? 'unknown'}, not ${state}`);
  }

  /** Begins its tasks anew, and waits until they run. @throws Error when the time is over */
  async restart(): Promise<void> {
    await fetch(this.url('restart?includeTasks=true&onlyFailed=false'), {
      method: 'POST',
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    await this.become('resume', 'RUNNING');
  }

  /** What it was registered with. @throws Error when Connect does not say */
  async config(): Promise<Record<string, string>> {
    const response = await fetch(this.url('config'), { signal: AbortSignal.timeout(REQUEST_MS) });
    if (!response.ok) throw new Error(`Kafka Connect does not tell the connector's settings: ${response.status}`);
    return (await response.json()) as Record<string, string>;
  }

  /** Changes its settings, which begins its task anew. @throws Error when Connect refuses them */
  async configure(config: Readonly<Record<string, string>>): Promise<void> {
    const end = performance.now() + STATE_MS;
    for (;;) {
      const response = await fetch(this.url('config'), {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(config),
        signal: AbortSignal.timeout(REQUEST_MS),
      }).catch(() => null);
      if (response?.ok === true) return;
      if (performance.now() > end) throw new Error(`Kafka Connect refuses settings: ${await response?.text()}`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  /** Waits until one of its tasks is in that state. @throws Error when the time is over */
  async untilTask(state: string): Promise<void> {
    const end = performance.now() + STATE_MS;
    let states: string[] | null = null;
    while (performance.now() < end) {
      states = await this.states();
      if (states?.slice(1).includes(state)) return;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    throw new Error(`no task of the connector is ${state}: ${states?.join() ?? 'unknown'}`);
  }

  private url(path: string): string {
    return `${this.connectUrl}/connectors/${NAME}/${path}`;
  }
}
