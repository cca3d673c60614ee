import { readDialect, type SqlDialect } from './dialect.ts'
import { readTable } from './table.ts'

/** Options of {@link sqlSchema}, as those of the inbox. */
export interface SqlSchemaOptions {
  readonly dialect: SqlDialect
  /** Default: `'hongbao_inbox'`. */
  readonly table?: string | undefined
}

/**
 * Returns the SQL that creates the table of an inbox, for your own migrations: one statement for
 * MySQL, two for Postgres. It does nothing if the table is there.
 *
 * @throws OptionError if the dialect or the name of the table is not valid
 */
export function sqlSchema({ dialect, table }: SqlSchemaOptions): string {
  const { sql, indexSql } = readTable(readDialect(dialect, 'dialect'), table)
  if (dialect === 'mysql') {
    // The lock of a run is on `pk`, and a new key is checked against the index of `id`. If `id` were
    // the primary key, INSERT IGNORE would wait for the run of the same key.
    return `create table if not exists ${sql} (
  pk bigint unsigned not null auto_increment primary key,
  id char(64) character set ascii collate ascii_bin not null,
  created_at datetime(3) not null,
  applied_at datetime(3) null,
  applied_by bigint unsigned null,
  unique key id (id),
  key created_at (created_at)
) engine=InnoDB;
`
  }
  return `create table if not exists ${sql} (
  id text primary key,
  created_at timestamptz not null default clock_timestamp(),
  applied_at timestamptz
);
create index if not exists ${indexSql} on ${sql} (created_at);
`
}

/** The same as one statement that any number of processes may run at once. */
export function createStatement(options: Required<SqlSchemaOptions>): string {
  const schema = sqlSchema(options)
  if (options.dialect === 'mysql') return schema.trim().replace(/;$/, '')
  // Without the lock, CREATE … IF NOT EXISTS of Postgres fails when two run at once.
  return `do 'begin perform pg_advisory_xact_lock(${SCHEMA_LOCK}); ${schema} end'`
}

/** Any number that no app is likely to use. */
const SCHEMA_LOCK = 7_304_113_527
