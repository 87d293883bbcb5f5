create table facts (
  name text primary key,
  value text not null
);

create table markets (
  id {serial},
  slug text not null unique,
  address text not null unique,
  gpu_types text not null,
  price bigint not null check (price >= 0),
  default_timeout bigint not null,
  largest_timeout bigint not null,
  required_images text not null,
  access text,
  is_closed integer not null default 0,
  created_at bigint not null
);

create table jobs (
  id {serial},
  job text not null unique,
  market_id bigint not null references markets (id),
  poster text not null,
  post_digest text not null,
  post_key text,
  definition text not null,
  format integer not null,
  price bigint not null,
  timeout bigint not null,
  deposit bigint not null,
  attempts integer not null,
  is_public integer not null,
  need_node text,
  need_gpus integer not null,
  need_vram bigint not null,
  need_model text,
  need_cuda integer not null,
  need_memory bigint not null,
  need_disk bigint not null,
  need_cpus integer not null,
  posted_at bigint not null,
  state integer not null,
  outcome integer,
  message text,
  result text,
  attempt integer not null,
  fence bigint not null,
  run text,
  node text,
  slot text,
  claim text,
  refused_by text,
  leased_until bigint,
  due_at bigint,
  started_at bigint,
  ended_at bigint,
  stopping_since bigint,
  control bigint not null,
  cost bigint,
  refund bigint,
  last_event bigint not null,
  version bigint not null
);
-- Lists ask in the order of (id + 0): by the order of id alone PostgreSQL would walk all jobs, hoping to meet those asked for soon.
create index jobs_waiting on jobs (market_id, (id + 0)) where state = 0;
create index jobs_due on jobs (due_at) where state = 1;
create unique index jobs_on_slot on jobs (node, slot) where state = 1;
create index jobs_not_ended on jobs (poster) where state < 2;
create index jobs_of_poster on jobs (poster, (id + 0));
create index jobs_of_node on jobs (node, (id + 0));
create index jobs_of_market on jobs (market_id, (id + 0));
create index jobs_of_market_in_state on jobs (market_id, state, (id + 0));
create index jobs_in_state on jobs (state, (id + 0));
create unique index jobs_post_key on jobs (poster, post_key) where post_key is not null;
create index jobs_claim on jobs (claim) where claim is not null;

create table runs (
  run text primary key,
  job_id bigint not null references jobs (id),
  attempt integer not null,
  fence bigint not null,
  node text not null,
  slot text not null,
  leased_at bigint not null,
  started_at bigint,
  ended_at bigint,
  outcome text,
  last_number bigint not null default 0,
  is_over integer not null default 0,
  last_lines text not null default '{}',
  bytes bigint not null default 0,
  is_archived integer not null default 0
);
create index runs_of_job on runs (job_id);
create index runs_of_node on runs (node);
create index runs_to_archive on runs (ended_at) where ended_at is not null and is_archived = 0 and last_lines <> '{}';

create table job_events (
  job_id bigint not null references jobs (id),
  sequence bigint not null,
  body text not null,
  primary key (job_id, sequence)
);

create table log_chunks (
  job_id bigint not null references jobs (id),
  sequence bigint not null,
  at bigint not null,
  run text not null,
  attempt integer not null,
  operation text not null,
  first_line bigint not null,
  last_line bigint not null,
  size bigint not null,
  data {blob},
  content text,
  content_at bigint,
  content_length bigint,
  primary key (job_id, sequence)
);
create index log_chunks_of_run on log_chunks (run, operation, last_line);

create table nodes (
  node text primary key,
  market_id bigint not null references markets (id),
  instance text not null,
  machine text not null,
  slots text not null,
  is_draining integer not null,
  registered_at bigint not null,
  last_seen bigint not null,
  finished bigint not null default 0,
  lost bigint not null default 0,
  earned bigint not null default 0
);
create index nodes_of_market on nodes (market_id, last_seen);

create table node_slots (
  node text not null references nodes (node),
  slot text not null,
  market_id bigint not null,
  gpus integer not null,
  vram bigint not null,
  model text not null,
  cuda integer not null,
  memory bigint not null,
  disk bigint not null,
  cpus integer not null,
  primary key (node, slot)
);
create index node_slots_of_market on node_slots (market_id);

create table waiting_slots (
  id {serial},
  market_id bigint not null,
  node text not null,
  slot text not null,
  claim text not null,
  wait_until bigint not null,
  gpus integer not null,
  vram bigint not null,
  model text not null,
  cuda integer not null,
  memory bigint not null,
  disk bigint not null,
  cpus integer not null,
  unique (node, slot)
);
create index waiting_slots_of_market on waiting_slots (market_id, id);

create table accounts (
  account text primary key,
  balance bigint not null,
  check (balance >= 0 or account = 'issued')
);

create table ledger (
  id {serial},
  reference text unique,
  at bigint not null
);

create table entries (
  id {serial},
  ledger_id bigint not null references ledger (id),
  account text not null references accounts (account),
  kind integer not null,
  amount bigint not null,
  balance bigint not null,
  job text,
  memo text
);
create index entries_of_account on entries (account, id);
create index entries_of_ledger on entries (ledger_id);

create table nonces (
  nonce text primary key,
  expires_at bigint not null
);
create index nonces_old on nonces (expires_at);
