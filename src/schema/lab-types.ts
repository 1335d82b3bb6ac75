/** The lab mode: faults of the servers, for people who want to see what breaks. In the schema only if it is on. */
import { Field, Float, ID, Int, ObjectType } from 'type-graphql';
import { DateTime } from './scalars.js';

@ObjectType('LabFault', { simpleResolvers: true, description: 'Something that can be broken, and mended.' })
export class LabFault {
  @Field(() => ID)
  name!: string;
  @Field(() => String, { description: 'OFF, INJECTING, ON or HEALING.' })
  state!: string;
  @Field(() => DateTime, { nullable: true, description: 'It is mended by itself then; null: it is not on.' })
  healsAt!: string | null;
  @Field(() => String, { nullable: true, description: 'What went wrong when it was last broken or mended.' })
  error!: string | null;
}

@ObjectType('LabRun', { simpleResolvers: true, description: 'A run of `tidemark lab run` on this machine, judged.' })
export class LabRun {
  @Field(() => ID)
  id!: string;
  @Field(() => String, { description: 'What was done, for people.' })
  what!: string;
  @Field(() => DateTime)
  date!: string;
  @Field(() => String, { description: 'true, false or unknown.' })
  verdict!: string;
  @Field(() => Int)
  seed!: number;
  @Field(() => String)
  commit!: string;
  @Field(() => Float)
  minutes!: number;
  @Field(() => Int, { description: 'How many were done.' })
  faults!: number;
  @Field(() => Int, { description: 'A claim counts once per key, row position and fault.' })
  claims!: number;
  @Field(() => Int)
  falseClaims!: number;
  @Field(() => Int, { description: 'Limits of usefulness that were missed: no claim was false for it.' })
  limitsMissed!: number;
}
