import { StackError } from '../errors.js';
import { CONNECTOR_NAME } from '../connector.js';
import { holdsWithin } from '../process/wait.js';

/** Kafka Connect's REST interface, as far as the launcher needs it. */
export class ConnectClient {
  constructor(private readonly url: string) {}

  /** Registers the connector or updates its settings; the same call twice changes nothing. */
  async register(config: Readonly<Record<string, string>>): Promise<void> {
    await this.call('PUT', '/config', config);
    await this.resume();
  }

  /** Goes on if it was paused or stopped. */
  async resume(): Promise<void> {
    await this.call('PUT', '/resume');
  }

  /** Forgets where the connector was: its slot is a new one, and old offsets would make it skip. */
  async forgetOffsets(signal?: AbortSignal): Promise<void> {
    await this.call('PUT', '/stop');
    const stopped = await holdsWithin(async () => (await this.status()).connector === 'STOPPED', {
      timeoutMs: 20_000,
      ...(signal && { signal }),
    });
    if (!stopped)
      throw new StackError(
        'STACK_CONNECTOR_FAILED',
        `the connector ${CONNECTOR_NAME} did not stop within 20 s: see the log of Kafka Connect.`,
      );
    await this.call('DELETE', '/offsets');
  }

  async status(): Promise<{ connector: string; task: string; trace: string }> {
    const body = (await (await this.request('GET', '/status')).json()) as {
      connector: { state: string; trace?: string };
      tasks: { state: string; trace?: string }[];
    };
    return {
      connector: body.connector.state,
      task: body.tasks[0]?.state ?? 'UNASSIGNED',
      trace: body.tasks[0]?.trace ?? body.connector.trace ?? '',
    };
  }

  /** A failed task stays failed until somebody restarts it. */
  async restartFailed(): Promise<void> {
    await this.call('POST', '/restart?includeTasks=true&onlyFailed=true');
  }

  async exists(): Promise<boolean> {
    let status = 0;
    await holdsWithin(
      async () => {
        status = (await this.request('GET', '')).status;
        return status === 200 || status === 404;
      },
      { timeoutMs: 20_000, everyMs: 200 },
    );
    return status !== 404;
  }

  private async call(method: string, path: string, body?: unknown): Promise<void> {
    let answer = '';
    // 409 and 500 come while the worker rebalances after its start.
    const done = await holdsWithin(
      async () => {
        const response = await this.request(method, path, body);
        answer = response.ok ? '' : `${response.status} ${await response.text()}`;
        return response.ok;
      },
      { timeoutMs: 20_000, everyMs: 200 },
    );
    if (!done)
      throw new StackError(
        'STACK_CONNECTOR_FAILED',
        `Kafka Connect refused ${method} ${path || '/'}: ${answer.slice(0, 400) || 'no answer'}.`,
      );
  }

  private request(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(`${this.url}/connectors/${CONNECTOR_NAME}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
  }
}
