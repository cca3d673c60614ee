create table orders (
  order_no varchar(28) not null primary key,
  openid varchar(191) not null,
  amount integer not null,
  status enum('sending', 'sent', 'received', 'failed', 'refunding', 'refund') not null default 'sending',
  envelope_id varchar(191) null,
  created datetime(3) not null default current_timestamp(3)
);

create table `hongbao_inbox` (
  pk bigint unsigned not null auto_increment primary key,
  id char(64) character set ascii collate ascii_bin not null,
  created_at datetime(3) not null,
  applied_at datetime(3) null,
  applied_by bigint unsigned null,
  unique key id (id),
  key created_at (created_at)
) engine=InnoDB;
