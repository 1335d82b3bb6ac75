/** Lab only (contract.md §9): off by default, and then absent from the schema. */
import { Arg, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import { AppError } from '../errors.js';
import type { FaultDesk, FaultStatus, LabRunSummary } from '../lab/port.js';
import { LabFault, LabRun } from '../schema/lab-types.js';
import type { RequestContext } from './context.js';

const deskOf = ({ services }: RequestContext): FaultDesk => {
  if (services.faults !== null) return services.faults;
  throw new AppError('LAB_UNAVAILABLE', 'This server has no lab.', { retryable: false, outcome: 'none' });
};

@Resolver()
export class LabResolver {
  @Query(() => [LabFault], {
    nullable: true,
    description: 'Lab mode: what can be broken, and what is. Empty while the servers start.',
  })
  async faults(@Ctx() context: RequestContext): Promise<readonly FaultStatus[]> {
    return deskOf(context).faults();
  }

  @Query(() => [LabRun], {
    nullable: true,
    description:
      'Lab mode: the runs of the lab on this machine, the newest first. The report of one is the page /lab/runs/<id>.',
  })
  async labRuns(@Ctx() context: RequestContext): Promise<readonly LabRunSummary[]> {
    return deskOf(context).runs();
  }

  @Mutation(() => LabFault, {
    description:
      'Lab mode: breaks it, and does not wait until it is broken. One at a time; it is mended by itself after a while.',
  })
  async injectFault(@Arg('name', () => ID) name: string, @Ctx() context: RequestContext): Promise<FaultStatus> {
    return deskOf(context).inject(name);
  }

  @Mutation(() => LabFault, { description: 'Lab mode: mends it, and does not wait until it is mended.' })
  async healFault(@Arg('name', () => ID) name: string, @Ctx() context: RequestContext): Promise<FaultStatus> {
    return deskOf(context).heal(name);
  }
}
