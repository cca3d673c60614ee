create table if not exists orders (
  order_no text primary key,
  openid text not null,
  amount integer not null,
  status text not null default 'sending',
  envelope_id text,
  created integer not null default (unixepoch())
);
