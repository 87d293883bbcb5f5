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
