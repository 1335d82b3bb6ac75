/**
 * A screen that shows one number a second, and what it may do with it, while change data capture is paused and resumed.
 * `npm run example` beside `npm start`; README.md says what there is to see.
 */
import { createClient, DASHBOARD, type Answer, type Policy } from '@tidemark/client';
import { changeOwnOrder } from './own-order.js';

const URL_OF_SERVER = process.env['TIDEMARK_URL'] ?? 'http://127.0.0.1:4000/graphql';
const URL_OF_CONNECT = process.env['CONNECT_URL'] ?? 'http://127.0.0.1:4083';
const SYMBOL = process.argv[2] ?? 'G000';
/** Seconds after the start. */
const [PAUSE_AT, RESUME_AT, END_AT] = [8, 30, 60];
/** Seconds between two changes of one's own order. */
const CHANGE_EVERY = 10;

/** A dashboard that has no use for anything older than five seconds. */
const POLICY: Policy = { ...DASHBOARD, name: 'example', maxStalenessMs: 5_000 };

const NEWEST_WINDOW = `query ($symbol: String!) {
  orderWindows(symbol: $symbol, last: 1) { edges { node { windowStart { value } ordersTotal { value } } } }
}`;
interface Windows {
  readonly orderWindows: {
    readonly edges: readonly {
      readonly node: { readonly windowStart: { value: string }; readonly ordersTotal: { value: number } };
    }[];
  } | null;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

function lineOf({ shown, from, contract, decision, way, attempts }: Answer<Windows>): string {
  const node = shown?.orderWindows?.edges[0]?.node;
  const value = node === undefined ? '–' : `${node.windowStart.value.slice(11, 16)} ${node.ordersTotal.value} orders`;
  const age = contract?.stalenessMs == null ? '? s' : `${(contract.stalenessMs / 1000).toFixed(1)} s`;
  const columns = [
    new Date().toISOString().slice(11, 19),
    value.padEnd(18),
    (contract?.confidenceLevel ?? 'none').padEnd(21),
    (contract?.servedBy ?? '–').padEnd(9),
    age.padStart(7),
    decision.action.padEnd(9),
    (from === 'ANSWER' ? way.toLowerCase() : from).padEnd(9),
    `${attempts}×`,
    [...new Set([...decision.why.map(({ code }) => code as string), ...(contract?.reasons ?? [])])].join(' '),
  ];
  return columns.join('  ');
}

/** Pauses or resumes the connector; says what to do by hand if that is not possible. */
async function connector(action: 'pause' | 'resume'): Promise<void> {
  const url = `${URL_OF_CONNECT}/connectors/tidemark-commit-log/${action}`;
  const done = await fetch(url, { method: 'PUT' }).then(
    ({ ok }) => ok,
    () => false,
  );
  say(done ? `--- CDC: ${action}d` : `--- Kafka Connect does not answer. By hand: curl -X PUT ${url}`);
}

const client = createClient({ url: URL_OF_SERVER, policy: POLICY });
let changes = 0;
let changing: Promise<void> = Promise.resolve();

/** Beside the screen, one after the other. Somebody who has no token is somebody new each time. */
function changeMine(): void {
  changes += 1;
  const quantity = changes;
  changing = changing
    .then(() => changeOwnOrder(client, createClient({ url: URL_OF_SERVER }), quantity))
    .then(say, (error: Error) => say(`--- own order: ${error.message.split('\n')[0]}`));
}

const start = Date.now();
const due = [
  { at: PAUSE_AT, action: 'pause' as const },
  { at: RESUME_AT, action: 'resume' as const },
];
let paused = false;
let ended = false;
process.once('SIGINT', () => (ended = true));
say('time      value               level                  store      staleness  decision  shown  requests  why');
try {
  for (let second = 0; second < END_AT && !ended; second++) {
    const answer = await client.query<Windows>(NEWEST_WINDOW, { variables: { symbol: SYMBOL } });
    say(lineOf(answer));
    if (answer.failure !== null && second === 0) {
      say(`No server at ${URL_OF_SERVER}: run npm start first, or set TIDEMARK_URL.`);
      process.exitCode = 1;
      break;
    }
    if (second % CHANGE_EVERY === 2) changeMine();
    if (due[0] !== undefined && (Date.now() - start) / 1000 >= due[0].at) {
      const { action } = due.shift()!;
      paused = action === 'pause';
      await connector(action);
    }
    await new Promise((done) => setTimeout(done, 1_000));
  }
  await changing;
} finally {
  if (paused) await connector('resume');
}
