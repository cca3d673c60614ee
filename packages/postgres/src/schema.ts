import { readTable, type InboxTable } from '@hongbao/core/internal'
import { run, type Connection } from './connection.ts'
import { deadlineIn } from './deadline.ts'
import { lockOf } from './key.ts'
import { rollBack, timeoutStatements } from './transaction/transaction.ts'

/**
 * The SQL that creates the table of an inbox, for your own migrations. It does nothing if the table
 * is there.
 *
 * @param table as in the options. Default: `'hongbao_inbox'`
 * @throws OptionError if it is not a valid table name
 */
export function schemaSql(table?: string): string {
  const { sql, indexSql } = readTable(table)
  return `create table if not exists ${sql} (
  key uuid primary key,
  applied_at timestamptz not null default clock_timestamp()
);
create index if not exists ${indexSql} on ${sql} (applied_at);
`
}

/** Creates the table unless it is there. Any number of processes may do so at once. */
export async function createSchema(
  connection: Connection,
  { name, sql, indexSql }: InboxTable,
  timeoutMs: number,
): Promise<void> {
  const deadline = deadlineIn(timeoutMs)
  const index = sql.slice(0, sql.lastIndexOf('.') + 1) + indexSql
  // If the table is there, a user without the right to create tables needs none.
  const { rows } = await run(
    connection,
    deadline,
    `select where to_regclass('${sql}') is not null and to_regclass('${index}') is not null`,
  )
  if (rows.length > 0) return
  try {
    // Without the lock, CREATE … IF NOT EXISTS fails when two run at once.
    await run(
      connection,
      deadline,
      `begin;
${timeoutStatements(timeoutMs)};
select pg_advisory_xact_lock(${lockOf(`schema of ${name}`)});
${schemaSql(name)}commit`,
    )
  } catch (error) {
    await rollBack(connection, deadline)
    throw error
  }
}
