import type { PostgresClient } from './client.ts'
import type { Connection } from './connection.ts'
import { deadlineIn } from './deadline.ts'
import { lockOf } from './key.ts'
import { readTable, type InboxTable } from './table.ts'
import { timeoutStatements } from './transaction/transaction.ts'

/**
 * The SQL that creates the table of an inbox, for your own migrations. It does nothing if the table
 * is there.
 *
 * @param table as in the options. Default: `'hongbao_inbox'`
 * @throws OptionError if it is not a valid table name
 */
export function schemaSql(table?: string): string {
  return createStatements(readTable(table))
    .map((statement) => `${statement};\n`)
    .join('')
}

function createStatements({ sql, indexSql }: InboxTable): string[] {
  return [
    `create table if not exists ${sql} (
  key uuid primary key,
  applied_at timestamptz not null default clock_timestamp()
)`,
    `create index if not exists ${indexSql} on ${sql} (applied_at)`,
  ]
}

/** Creates the table unless it is there. Any number of processes may do so at once. */
export async function createSchema(
  connection: Connection<PostgresClient>,
  table: InboxTable,
  timeoutMs: number,
): Promise<void> {
  const deadline = deadlineIn(timeoutMs)
  // If the table is there, a user without the right to create tables needs none.
  if (await isThere(connection, table, timeoutMs)) return
  await connection.run(deadline, `begin;\n${timeoutStatements(timeoutMs)}`)
  try {
    // Without the lock, CREATE … IF NOT EXISTS fails when two run at once.
    const lock = lockOf(`schema of ${table.name}`).toString()
    await connection.run(deadline, 'select pg_advisory_xact_lock($1::bigint)', [lock])
    for (const statement of createStatements(table)) {
      // oxlint-disable-next-line no-await-in-loop -- the index needs the table
      await connection.run(deadline, statement)
    }
    await connection.run(deadline, 'commit')
  } catch (error) {
    await connection.run(deadline, 'rollback').catch(() => {})
    throw error
  }
}

async function isThere(
  connection: Connection<PostgresClient>,
  { sql, indexSql }: InboxTable,
  timeoutMs: number,
): Promise<boolean> {
  const schema = sql.slice(0, sql.lastIndexOf('.') + 1)
  const { rows } = await connection.run(
    deadlineIn(timeoutMs),
    `select 1 as there where to_regclass($1) is not null and to_regclass($2) is not null`,
    [sql, schema + indexSql],
  )
  return rows.length > 0
}
