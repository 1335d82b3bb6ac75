package io.tidemark.stamp;

/** What one subtask of the stamp leaves in a checkpoint. Every subtask of the next run gets those of all (union state). */
public final class StampState {
  public String run;
  public int subtask;

  /** Trigger time of the checkpoint, by the JobManager's clock. */
  public long checkpointTimeMs;

  /** The chain that {@link #run} was restored through, oldest first. */
  public String[] lineageRuns = {};

  public long[] lineageCheckpoints = {};

  /** Result partitions that the subtask has written to, and the number of its last record in each. */
  public int[] partitions = {};

  public long[] sequences = {};

  /** For Flink's serializer. */
  public StampState() {}
}
