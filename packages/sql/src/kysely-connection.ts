import { AUTOCOMMIT_OFF, AUTOCOMMIT_ON, endsTransaction } from './control.ts'
import type { SqlDialect } from './dialect.ts'
import { sqlError } from './errors.ts'

/** A statement as Kysely compiles it. */
export interface KyselyStatement {
  readonly sql: string
  readonly parameters: readonly string[]
  readonly query: {
    readonly kind: 'RawNode'
    readonly sqlFragments: readonly string[]
    readonly parameters: readonly never[]
  }
  readonly queryId: { readonly queryId: string }
}

export function statementOf(sql: string, values: string[]): KyselyStatement {
  const query = { kind: 'RawNode', sqlFragments: [sql], parameters: [] } as const
  return { sql, parameters: values, query, queryId: { queryId: 'hongbao' } }
}

/** A transaction of Kysely. */
interface KyselyTransaction {
  getExecutor(): {
    provideConnection(use: (connection: KyselyConnection) => Promise<void>): Promise<void>
  }
}

interface KyselyConnection {
  executeQuery: (statement: { readonly sql: string }, ...rest: unknown[]) => Promise<unknown>
  streamQuery: (statement: { readonly sql: string }, ...rest: unknown[]) => unknown
}

/**
 * Guards the connection of a transaction that has begun: handlers cannot end it, and from the call of
 * `allowOnlyEnd` on nothing is sent but what ends it. Kysely itself refuses a statement after ROLLBACK has
 * returned, and not while it runs: that statement would come after it, and commit by itself.
 */
export async function guardConnection(
  transaction: unknown,
  dialect: SqlDialect,
): Promise<{ allowOnlyEnd(): void }> {
  const connection = await connectionOf(transaction)
  const { executeQuery, streamQuery } = connection
  let isEnding = false

  function check(sql: string): void {
    if (isEnding && !isEnd(sql)) throw sqlError('sql-transaction-over')
    if (!isEnding && endsTransaction(dialect, sql)) throw sqlError('sql-transaction-control')
  }

  async function release(): Promise<void> {
    Object.assign(connection, { executeQuery, streamQuery })
    if (dialect === 'mysql') await send(AUTOCOMMIT_ON).catch(() => {})
  }

  function send(sql: string): Promise<unknown> {
    return executeQuery.call(connection, statementOf(sql, []))
  }

  if (dialect === 'mysql') await send(AUTOCOMMIT_OFF)
  connection.executeQuery = async (statement, ...rest) => {
    check(statement.sql)
    const isLast = isEnding
    try {
      const result = await executeQuery.call(connection, statement, ...rest)
      if (isLast) await release()
      return result
    } catch (error) {
      // After a COMMIT that failed, Kysely rolls back.
      if (!isLast || statement.sql === 'commit') throw error
      await release()
      // Before 0.29.7 Kysely never returns a connection whose ROLLBACK failed. The pool closes a lost one.
      if (isLost(error)) return { rows: [] }
      throw error
    }
  }
  connection.streamQuery = (statement, ...rest) => {
    check(statement.sql)
    return streamQuery.call(connection, statement, ...rest)
  }
  return {
    allowOnlyEnd() {
      isEnding = true
    },
  }
}

async function connectionOf(transaction: unknown): Promise<KyselyConnection> {
  if (!isTransaction(transaction)) throw new TypeError('Expected a transaction of Kysely.')
  const { promise, resolve } = Promise.withResolvers<KyselyConnection>()
  await transaction.getExecutor().provideConnection(async (connection) => resolve(connection))
  return promise
}

function isTransaction(given: unknown): given is KyselyTransaction {
  return typeof Reflect.get(Object(given), 'getExecutor') === 'function'
}

/** What Kysely itself sends. */
function isEnd(sql: string): boolean {
  return sql === 'commit' || sql === 'rollback'
}

/** Whether pg says that its client can send nothing any more. It has no code for that. */
function isLost(error: unknown): boolean {
  return error instanceof Error && /is not queryable$|^Connection terminated/.test(error.message)
}
