alter table jobs add column artefacts text;
alter table jobs add column sources text;
alter table jobs add column is_forgotten integer not null default 0;
create index jobs_to_forget on jobs (ended_at) where is_forgotten = 0 and ended_at is not null;

create table job_sources (
  job_id bigint not null references jobs (id),
  content text not null
);
create index job_sources_content on job_sources (content);

create table uploads (
  upload text primary key,
  owner text not null,
  job_id bigint references jobs (id),
  run text,
  fence bigint not null,
  operation text,
  name text,
  path text,
  content text,
  size bigint not null default 0,
  files integer not null default 0,
  bytes bigint not null default 0,
  begun_at bigint not null,
  touched_at bigint not null
);
create index uploads_of_run on uploads (run) where run is not null;
create index uploads_of_owner on uploads (owner) where run is null;
create index uploads_content on uploads (content) where content is not null;
create index uploads_touched on uploads (touched_at);

create table upload_parts (
  upload text not null references uploads (upload),
  number integer not null,
  size bigint not null,
  digest text not null,
  content text not null,
  primary key (upload, number)
);
create index upload_parts_content on upload_parts (content);

create index jobs_definition on jobs (definition);
create index jobs_result on jobs (result) where result is not null;
create index log_chunks_content on log_chunks (content) where content is not null;

alter table markets add column required_resources text not null default '[]';

-- Secrets and confidential jobs.
create table secrets (
  owner text not null,
  name text not null,
  box text not null,
  is_market_held integer not null,
  set_at bigint not null,
  primary key (owner, name)
);

alter table jobs add column sealing integer not null default 0;
alter table jobs add column signature text;
alter table jobs add column handover text;
alter table jobs add column awaits_since bigint;
alter table jobs add column is_unserved integer not null default 0;
create index jobs_to_hand_over on jobs (poster) where state = 1 and sealing = 3 and handover is null;
create index jobs_unserved on jobs (poster) where state = 0 and is_unserved = 1;

alter table runs add column result text;
alter table nodes add column encryption_key text;
alter table node_slots add column seals integer not null default 0;
alter table waiting_slots add column seals integer not null default 0;
