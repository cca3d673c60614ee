import { must } from '@hongbao/core/internal'
import { readDialect, type SqlDialect } from './dialect.ts'
import { sqlError } from './errors.ts'
import { readOwnOptions, type SqlInboxCommonOptions } from './options.ts'
import { withQuestionMarks } from './placeholders.ts'
import { sqlInbox, type SqlInbox } from './sql-inbox.ts'

/** What the inbox uses of an `EntityManager` of MikroORM. */
export interface MikroOrmManager {
  getConnection(type?: 'write'): {
    execute(sql: string, values: string[], method: 'all', transaction: unknown): Promise<unknown>
  }
  getTransactionContext(): unknown
  flush(): Promise<unknown>
}

/** A `MikroORM`; `Manager` is its `EntityManager`. */
export interface MikroOrmLike<Manager> {
  readonly em: MikroOrmManager & {
    fork(): { transactional(run: (tx: Manager) => Promise<void>): Promise<unknown> }
  }
}

/** Options of {@link mikroOrmInbox}. */
export interface MikroOrmInboxOptions<
  Manager extends MikroOrmManager,
> extends SqlInboxCommonOptions {
  /** The `MikroORM` of your app, version 7, on an SQL driver. */
  readonly orm: MikroOrmLike<Manager>
  /** The SQL of the database. */
  readonly dialect: SqlDialect
}

/**
 * An inbox in the transactions of MikroORM; `context.tx` is the `EntityManager` of the transaction, a
 * fork of its own for each event. What handlers `persist` in it is flushed before the commit.
 *
 * @throws OptionError for a wrong option
 */
export function mikroOrmInbox<Manager extends MikroOrmManager>(
  options: MikroOrmInboxOptions<Manager>,
): SqlInbox<Manager> {
  const { own, common } = readOwnOptions('`mikroOrmInbox`', options, {
    orm: readOrm<Manager>,
    dialect: readDialect,
  })
  const { orm, dialect } = own
  return sqlInbox<Manager>({
    ...common,
    dialect,
    query: (sql, values, tx) =>
      (tx ?? orm.em)
        .getConnection('write')
        .execute(...withQuestionMarks(sql, values), 'all', tx?.getTransactionContext()),
    transaction: (run) => orm.em.fork().transactional((tx) => inTransaction(tx, run)),
  })
}

/** The transaction of Kysely in which an `EntityManager` is. It refuses statements when it has ended. */
interface KyselyTransaction {
  readonly isCommitted: boolean
  readonly isRolledBack: boolean
  getExecutor(): {
    provideConnection(use: (connection: KyselyConnection) => Promise<void>): Promise<void>
  }
}

interface KyselyConnection {
  executeQuery: (statement: { readonly sql: string }, ...rest: unknown[]) => Promise<unknown>
  streamQuery: (statement: { readonly sql: string }, ...rest: unknown[]) => unknown
}

/** MikroORM itself would flush later, when statements are refused. */
async function inTransaction<Manager extends MikroOrmManager>(
  tx: Manager,
  run: (tx: Manager) => Promise<void>,
): Promise<void> {
  const transaction = tx.getTransactionContext()
  if (!isKyselyTransaction(transaction)) throw new TypeError('The driver of `orm` is not for SQL.')
  const connections: KyselyConnection[] = []
  await transaction.getExecutor().provideConnection(async (lent) => void connections.push(lent))
  // They would leave the EntityManager without a transaction: what it does next would commit by itself.
  Object.assign(tx, { begin: refuseControl, commit: refuseControl, rollback: refuseControl })
  try {
    await run(tx)
    await tx.flush()
  } finally {
    for (const connection of connections) allowOnlyEnd(connection, transaction)
  }
}

function refuseControl(): Promise<never> {
  return Promise.reject(sqlError('sql-transaction-control'))
}

function isKyselyTransaction(given: unknown): given is KyselyTransaction {
  return typeof Reflect.get(Object(given), 'getExecutor') === 'function'
}

/**
 * Kysely refuses a statement after ROLLBACK has returned, and not while it runs: that statement would
 * come after it, and commit by itself.
 */
function allowOnlyEnd(connection: KyselyConnection, transaction: KyselyTransaction): void {
  const { executeQuery, streamQuery } = connection

  function check(sql: string): void {
    if (transaction.isCommitted || transaction.isRolledBack) {
      Object.assign(connection, { executeQuery, streamQuery })
    } else if (sql !== 'commit' && sql !== 'rollback') {
      throw sqlError('sql-transaction-over')
    }
  }

  connection.executeQuery = async (statement, ...rest) => {
    check(statement.sql)
    try {
      return await executeQuery.call(connection, statement, ...rest)
    } catch (error) {
      // Before 0.29.7 Kysely never returns a connection whose ROLLBACK failed. The pool closes a lost one.
      if (statement.sql === 'rollback' && isLost(error)) return { rows: [] }
      throw error
    }
  }
  connection.streamQuery = (statement, ...rest) => {
    check(statement.sql)
    return streamQuery.call(connection, statement, ...rest)
  }
}

/** Whether pg says that its client can send nothing any more. It has no code for that. */
function isLost(error: unknown): boolean {
  return error instanceof Error && /is not queryable$|^Connection terminated/.test(error.message)
}

function readOrm<Manager>(orm: MikroOrmLike<Manager>, option: string): MikroOrmLike<Manager> {
  return must<MikroOrmLike<Manager>>(
    'a MikroORM on an SQL driver',
    (given) =>
      typeof given?.em?.fork === 'function' && typeof given.em.getConnection === 'function',
  )(orm, option)
}
