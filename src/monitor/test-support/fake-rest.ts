import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CHECKPOINTS,
  JOB,
  JOB_DETAIL,
  METRICS,
  OVERVIEW,
  SINK,
  SOURCE,
  SOURCE_METRICS,
  WATERMARKS,
} from './recorded.js';

/** A JobManager's REST interface that answers what was recorded, or what a test puts in its place. */
export class FakeRest {
  /** Path → answer. */
  readonly answers = new Map<string, unknown>([
    ['/jobs/overview', OVERVIEW],
    [`/jobs/${JOB}`, JOB_DETAIL],
    [`/jobs/${JOB}/checkpoints`, CHECKPOINTS],
    [`/jobs/${JOB}/metrics?get=numRestarts`, METRICS],
    [`/jobs/${JOB}/vertices/${SOURCE}/watermarks`, WATERMARKS[SOURCE]],
    [`/jobs/${JOB}/vertices/${SINK}/watermarks`, WATERMARKS[SINK]],
    [`/jobs/${JOB}/vertices/${SOURCE}/subtasks/metrics`, SOURCE_METRICS],
    [
      `/jobs/${JOB}/vertices/${SOURCE}/subtasks/metrics?agg=sum&get=Source__orders.pendingRecords`,
      [{ id: 'Source__orders.pendingRecords', sum: 17 }],
    ],
    [`/jobs/${JOB}/vertices/${SINK}/subtasks/metrics`, []],
  ]);
  /** It takes requests and says nothing. */
  silent = false;
  asked = 0;
  private constructor(private readonly server: Server) {}

  static async start(): Promise<FakeRest> {
    const server = createServer();
    const rest = new FakeRest(server);
    server.on('request', (request, response) => {
      rest.asked += 1;
      if (rest.silent) return;
      const answer = rest.answers.get(request.url ?? '');
      response.statusCode = answer === undefined ? 404 : 200;
      response.end(JSON.stringify(answer ?? { errors: ['Not found.'] }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return rest;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}
