/** The lab mode: faults of the servers, for people who want to see what breaks. In the schema only if it is on. */
import { Field, ID, ObjectType } from 'type-graphql';
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
