import type { ReactNode } from 'react';
import { bytes, duration, number } from '../age.js';
import { useLive } from '../live.js';
import { PIPELINES, type PipelinesData, type PipelineStatus } from '../queries.js';
import { agesOf, pipelinesInWords } from '../summary.js';
import { SmallPlot } from '../ui/plot.js';
import { Figures } from '../ui/status.js';
import { useSamples, type History } from '../use-samples.js';
import { ENGINE_NAMES, stateInWords } from '../words.js';

const LEAST_MS = 2_000;

export function PipelinesPage(): ReactNode {
  const live = useLive<PipelinesData>(PIPELINES);
  const history = useSamples(live, ({ pipelines, serverInfo }) =>
    Object.fromEntries(
      (pipelines ?? []).flatMap((pipeline) => {
        const { heartbeatMs, checkpointMs } = agesOf(pipeline, serverInfo?.time ?? null);
        return [
          [`${pipeline.name} heartbeat`, heartbeatMs],
          [`${pipeline.name} checkpoint`, checkpointMs],
        ];
      }),
    ),
  );
  const { data, ageMs } = live;
  const pipelines = data?.pipelines ?? null;
  return (
    <>
      <p className="lead">
        Two engines calculate the same results. Kafka-only keeps its state beside its offsets and can’t prove that each
        event was counted once; Flink’s checkpoints can.
      </p>
      <Figures live={live}>
        <p role="status" className="summary">
          {pipelines === null ? '' : pipelinesInWords(pipelines)}
        </p>
        <div className="cards wide">
          {(pipelines ?? []).map((pipeline) => (
            <PipelineCard
              key={pipeline.name}
              pipeline={pipeline}
              time={data?.serverInfo?.time ?? null}
              sinceMs={ageMs ?? 0}
              history={history}
            />
          ))}
        </div>
      </Figures>
    </>
  );
}

interface CardProps {
  readonly pipeline: PipelineStatus;
  /** The server's, of the answer. */
  readonly time: string | null;
  /** Since the question. */
  readonly sinceMs: number;
  readonly history: History;
}

function PipelineCard({ pipeline, time, sinceMs, history }: CardProps): ReactNode {
  const { name, engine, state, conditions } = pipeline;
  const ages = agesOf(pipeline, time);
  const ago = (ms: number | null): string => (ms === null ? 'unknown' : `${duration(ms + sinceMs)} ago`);
  const plot = (what: 'heartbeat' | 'checkpoint') => ({
    samples: history[`${name} ${what}`] ?? [],
    nowMs: performance.now(),
    least: LEAST_MS,
    show: duration,
  });
  const good = state === 'RUNNING' && conditions.length === 0;
  return (
    <section className="panel" aria-labelledby={`pipeline-${name}`}>
      <h2 id={`pipeline-${name}`}>
        {ENGINE_NAMES[engine] ?? engine}{' '}
        <span className={good ? 'state good' : 'state bad'}>
          {good ? '✓' : '✗'} {stateInWords(state)}
        </span>
      </h2>
      <p className="quiet">
        <code>{name}</code>
        {pipeline.jobState !== null && `, Flink says ${pipeline.jobState}`}
      </p>
      {conditions.length > 0 && (
        <ul className="conditions">
          {conditions.map((condition) => (
            <li key={condition}>✗ {condition}</li>
          ))}
        </ul>
      )}
      <h3>Heartbeat</h3>
      <p className="figure">{ago(ages.heartbeatMs)}</p>
      <SmallPlot name={`Age of the newest heartbeat of ${name}`} {...plot('heartbeat')} />
      <h3>Checkpoints</h3>
      {engine === 'KAFKA_ONLY' ? (
        <p className="quiet">
          It takes none: nothing that it calculates is HIGH before it is verified from the source.
        </p>
      ) : (
        <>
          <p className="figure">
            {pipeline.lastCheckpointId === null ? 'none known' : `№ ${number(pipeline.lastCheckpointId)}`}
          </p>
          <SmallPlot name={`Time since a checkpoint of ${name} was seen to complete`} {...plot('checkpoint')} />
          <Checkpoints pipeline={pipeline} seen={ago(ages.checkpointMs)} />
        </>
      )}
      <h3>Source</h3>
      <dl className="facts">
        <dt>Counted up to</dt>
        <dd>{ago(ages.sourceMs)}</dd>
        <dt>Lag</dt>
        <dd>{pipeline.sourceLag === null ? 'unknown' : `${number(pipeline.sourceLag)} records`}</dd>
        <dt>Watermark</dt>
        <dd>{pipeline.watermark ?? 'unknown'}</dd>
        <dt>Run</dt>
        <dd>
          <code>{pipeline.run ?? 'unknown'}</code>
        </dd>
      </dl>
    </section>
  );
}

function Checkpoints({ pipeline, seen }: { readonly pipeline: PipelineStatus; readonly seen: string }): ReactNode {
  const ms = (value: number | null): string => (value === null ? 'unknown' : duration(value));
  return (
    <dl className="facts">
      <dt>Seen to complete</dt>
      <dd>{seen}</dd>
      <dt>Interval</dt>
      <dd>{ms(pipeline.checkpointIntervalMs)}</dd>
      <dt>Took</dt>
      <dd>{ms(pipeline.lastCheckpointDurationMs)}</dd>
      <dt>Size</dt>
      <dd>{bytes(pipeline.lastCheckpointSizeBytes) ?? 'unknown'}</dd>
      <dt>Completed, failed</dt>
      <dd>
        {number(pipeline.completedCheckpoints) ?? 'unknown'}, {number(pipeline.failedCheckpoints) ?? 'unknown'}
      </dd>
      <dt>Restarts</dt>
      <dd>{number(pipeline.restarts) ?? 'unknown'}</dd>
    </dl>
  );
}
