alter table markets add column required_resources text not null default '[]';
