-- What is wrong with a pipeline now: a condition has a row as long as it holds. Whoever writes or removes the row tells of
-- it, so that servers that watch side by side say it once.
create table pipeline_conditions (
  pipeline text not null,
  condition text not null,
  since_us bigint not null,
  primary key (pipeline, condition)
);
