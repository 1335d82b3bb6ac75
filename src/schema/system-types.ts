/** What the server says of its own parts. These are not results: they carry no contract. */
import { Field, Int, ObjectType } from 'type-graphql';
import { ContractJsonType } from './contract-types.js';
import { ConfidenceLevelEnum, ProcessingEngineEnum, StoreEnum } from './enums.js';
import { BigIntText, DateTime } from './scalars.js';

@ObjectType('StoreAnswer', {
  simpleResolvers: true,
  description: 'What one store holds of a result, and how far that can be trusted.',
})
export class StoreAnswer {
  @Field(() => StoreEnum)
  store!: string;
  @Field(() => Boolean, {
    description: 'False: the store did not answer. Then `present` says nothing and `value` is an error.',
  })
  available!: boolean;
  @Field(() => Boolean, { description: 'It holds a value, the last one if it is deleted.' })
  present!: boolean;
  @Field(() => Boolean)
  deleted!: boolean;
  @Field(() => ContractJsonType, { nullable: true, description: 'Its calculated_value.' })
  value!: unknown;
}

@ObjectType('StoreStatus', { simpleResolvers: true })
export class StoreStatus {
  @Field(() => StoreEnum)
  store!: string;
  @Field(() => Boolean)
  healthy!: boolean;
  @Field(() => BigIntText, { nullable: true })
  appliedPosition!: bigint | null;
  @Field(() => BigIntText, {
    nullable: true,
    description: 'Accepted transactions that changed a result and are not applied here yet; null when unknown.',
  })
  behindBy!: bigint | null;
  @Field(() => Int, {
    nullable: true,
    description: 'Upper bound of the age of what the store holds, when the response is sent.',
  })
  stalenessMs!: unknown;
  @Field(() => DateTime, { nullable: true })
  measuredAt!: string | null;
  @Field(() => String, { nullable: true, description: 'What is wrong, for people.' })
  detail!: string | null;
}

@ObjectType('LivenessStatus', {
  simpleResolvers: true,
  description: 'Whether one part of the path goes on, and if not, why, as far as that is known. No claim rests on it.',
})
export class LivenessStatus {
  @Field(() => String, {
    description:
      'COMMIT_CLOCK, CDC (from the clock to all read models), SERVER_CLOCK, a read model, or the name of a pipeline.',
  })
  subject!: string;
  @Field(() => String, {
    description:
      'COMMIT_CLOCK: BEATING, HANGING_TRANSACTION. CDC and read models: FLOWING, BACK_PRESSURE; CDC: the cause of CDC_PAUSED; a read model: CUT_OFF (CDC is), REBUILDING, BLOCKED. SERVER_CLOCK: IN_STEP, OFF. A pipeline: IDLE, ACTIVE, BACK_PRESSURE, or a condition. UNKNOWN: evidence is missing.',
  })
  state!: string;
  @Field(() => DateTime, { nullable: true, description: "By Postgres' clock." })
  since!: string | null;
  @Field(() => String, { nullable: true, description: 'For people.' })
  detail!: string | null;
}

@ObjectType('PipelineStatus', {
  simpleResolvers: true,
  description: 'A pipeline, over all its result partitions; of each figure the weakest.',
})
export class PipelineStatus {
  @Field(() => String)
  name!: string;
  @Field(() => ProcessingEngineEnum)
  engine!: string;
  @Field(() => String, { nullable: true })
  run!: string | null;
  @Field(() => String, {
    description:
      'RUNNING, STOPPING, SILENT: no heartbeat for too long, or LSO_BLOCKED: it completes checkpoints and nothing of it can be seen.',
  })
  state!: string;
  @Field(() => String, { nullable: true, description: "The job's state by Flink's REST interface; for display." })
  jobState!: string | null;
  @Field(() => [String], { description: 'What is wrong now: the conditions of which `stalenessEvents` told.' })
  conditions!: readonly string[];
  @Field(() => DateTime, { nullable: true })
  lastHeartbeatTime!: string | null;
  @Field(() => DateTime, { nullable: true })
  sourceAsOf!: string | null;
  @Field(() => DateTime, { nullable: true })
  watermark!: string | null;
  @Field(() => BigIntText, { nullable: true })
  sourceLag!: bigint | null;
  @Field(() => BigIntText, { nullable: true })
  lastCheckpointId!: bigint | null;
  @Field(() => DateTime, { nullable: true, description: "By Flink's clock: for display." })
  lastCheckpointTime!: string | null;
  @Field(() => DateTime, {
    nullable: true,
    description:
      "When a further checkpoint was seen to have completed, in whichever result partition that is longest ago; by Postgres' clock, as `serverInfo { time }` is.",
  })
  lastCheckpointSeenTime!: string | null;
  @Field(() => Int, { nullable: true, description: 'How often the job says that it takes checkpoints.' })
  checkpointIntervalMs!: number | null;
  @Field(() => Int, { nullable: true })
  lastCheckpointDurationMs!: number | null;
  @Field(() => BigIntText, { nullable: true })
  lastCheckpointSizeBytes!: bigint | null;
  @Field(() => Int, { nullable: true })
  completedCheckpoints!: number | null;
  @Field(() => Int, { nullable: true })
  failedCheckpoints!: number | null;
  @Field(() => Int, { nullable: true })
  restarts!: number | null;
}

@ObjectType('DecisionRule', { simpleResolvers: true, description: 'A row of the decision table.' })
export class DecisionRule {
  @Field(() => String)
  scenario!: string;
  @Field(() => String, { description: 'KAFKA_ONLY, FLINK or ANY.' })
  engine!: string;
  @Field(() => String)
  postgres!: string;
  @Field(() => String)
  mongodb!: string;
  @Field(() => String)
  elasticsearch!: string;
  @Field(() => String)
  clickhouse!: string;
  @Field(() => ConfidenceLevelEnum, { nullable: true, description: 'null: the row keeps its level.' })
  level!: string | null;
  @Field(() => String, { nullable: true })
  reason!: string | null;
  @Field(() => String)
  decision!: string;
}

@ObjectType('ServerInfo', { simpleResolvers: true })
export class ServerInfo {
  @Field(() => String)
  version!: string;
  @Field(() => String, { nullable: true, description: 'Positions of different incarnations are not comparable.' })
  incarnation!: string | null;
  @Field(() => BigIntText, {
    nullable: true,
    description: 'The newest accepted position; null when the source of truth cannot be asked.',
  })
  position!: bigint | null;
  @Field(() => DateTime, { nullable: true, description: "Postgres' time, an upper bound." })
  time!: string | null;
  @Field(() => [StoreEnum])
  stores!: readonly string[];
  @Field(() => [ProcessingEngineEnum], { description: 'Engines that have been heard of.' })
  engines!: readonly string[];
  @Field(() => Boolean, { description: 'It offers faults: `faults`, `injectFault` and `healFault` are there.' })
  lab!: boolean;
}
