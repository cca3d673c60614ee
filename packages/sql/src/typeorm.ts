import { must } from '@hongbao/core/internal'
import { AUTOCOMMIT_OFF, AUTOCOMMIT_ON, endsTransaction } from './control.ts'
import { dialectOf, type SqlDialect } from './dialect.ts'
import { sqlError } from './errors.ts'
import { readOwnOptions, type SqlInboxCommonOptions } from './options.ts'
import { sqlInbox, type SqlInbox } from './sql-inbox.ts'

/** What the inbox uses of an `EntityManager` of TypeORM. */
export interface TypeormManager {
  query(sql: string, values?: string[]): Promise<unknown>
}

/** What the inbox uses of a `QueryRunner` of TypeORM. */
export interface TypeormQueryRunner<Manager> {
  readonly manager: Manager
  query(sql: string): Promise<unknown>
  startTransaction(): Promise<void>
  commitTransaction(): Promise<void>
  rollbackTransaction(): Promise<void>
  release(): Promise<void>
}

/** A `DataSource` of TypeORM; `Manager` is its `EntityManager`. */
export interface TypeormDataSource<Manager> {
  readonly options: { readonly type: string }
  query(sql: string, values?: string[]): Promise<unknown>
  createQueryRunner(mode?: 'master'): TypeormQueryRunner<Manager>
}

/** Options of {@link typeormInbox}. */
export interface TypeormInboxOptions<Manager extends TypeormManager> extends SqlInboxCommonOptions {
  /** The `DataSource` of your app, for MySQL, MariaDB or Postgres. */
  readonly dataSource: TypeormDataSource<Manager>
}

/**
 * An inbox in the transactions of TypeORM; `context.tx` is the `EntityManager` of the transaction.
 *
 * @throws OptionError for a wrong option
 */
export function typeormInbox<Manager extends TypeormManager>(
  options: TypeormInboxOptions<Manager>,
): SqlInbox<Manager> {
  const { own, common } = readOwnOptions('`typeormInbox`', options, {
    dataSource: readDataSource<Manager>,
  })
  const { dataSource } = own
  const dialect = dialectOf('dataSource', dataSource.options.type)
  return sqlInbox<Manager>({
    ...common,
    dialect,
    // With replication, a DataSource sends raw queries to the master.
    query: (sql, values, tx) => (tx ?? dataSource).query(sql, values),
    transaction: (run) => inTransaction(dataSource.createQueryRunner('master'), dialect, run),
  })
}

/**
 * `DataSource.transaction` is not enough, as of TypeORM 1.1. If a handler rejects while a nested transaction of another
 * branch is open, it rolls back only that one, and gives back a connection in an open transaction,
 * which the next START TRANSACTION of MySQL commits. And until the connection is given back, it runs what is
 * left of the handler after the ROLLBACK.
 */
async function inTransaction<Manager>(
  runner: TypeormQueryRunner<Manager>,
  dialect: SqlDialect,
  run: (tx: Manager) => Promise<void>,
): Promise<void> {
  const guarded = guardRunner(runner, dialect)
  try {
    // So that nothing commits by itself after a deadlock that a handler swallows.
    if (dialect === 'mysql') await guarded.send(AUTOCOMMIT_OFF)
    await guarded.begin()
    await run(runner.manager)
    await guarded.end('COMMIT')
    await runner.commitTransaction()
  } catch (error) {
    await guarded.end('ROLLBACK').catch(() => {})
    // A subscriber of TypeORM may have rejected before the statement was sent.
    await runner.rollbackTransaction().catch(() => guarded.send('ROLLBACK').catch(() => {}))
    throw error
  } finally {
    if (dialect === 'mysql') await guarded.send(AUTOCOMMIT_ON).catch(() => {})
    await guarded.release()
  }
}

interface GuardedRunner {
  /** From now on handlers can neither end the transaction nor release the connection. */
  begin(): Promise<void>
  /** From now on the runner sends nothing but the statement that ends the whole transaction. */
  end(statement: 'COMMIT' | 'ROLLBACK'): Promise<void>
  send(sql: string): Promise<unknown>
  release(): Promise<void>
}

function guardRunner<Manager>(
  runner: TypeormQueryRunner<Manager>,
  dialect: SqlDialect,
): GuardedRunner {
  const send: typeof runner.query = runner.query.bind(runner)
  const release: typeof runner.release = runner.release.bind(runner)
  const running = new Set<Promise<unknown>>()
  let isOpen = false
  let allowed: string | undefined

  async function query(...args: Parameters<typeof send>): Promise<unknown> {
    if (allowed !== undefined && args[0] !== allowed) throw sqlError('sql-transaction-over')
    if (isOpen && endsTransaction(dialect, args[0])) throw sqlError('sql-transaction-control')
    const result = send(...args)
    running.add(result)
    return await result.finally(() => running.delete(result))
  }

  runner.query = query
  return {
    async begin() {
      await runner.startTransaction()
      isOpen = true
      runner.release = async () => {}
    },
    async end(statement) {
      isOpen = false
      allowed = statement
      Object.defineProperty(runner, 'transactionDepth', DEPTH)
      const isLeft = running.size > 0
      await Promise.allSettled(running)
      // Its failure may have ended the transaction, and COMMIT would not say so.
      if (isLeft && statement === 'COMMIT') throw sqlError('sql-transaction-over')
    },
    send,
    release,
  }
}

/** By which TypeORM counts nested transactions: with 1, it ends the whole one, whatever is left open in it. */
const DEPTH: PropertyDescriptor = { get: () => 1, set() {}, configurable: true }

function readDataSource<Manager>(
  dataSource: TypeormDataSource<Manager>,
  option: string,
): TypeormDataSource<Manager> {
  return must<TypeormDataSource<Manager>>(
    'a DataSource of TypeORM',
    (given) => typeof given?.createQueryRunner === 'function' && typeof given.query === 'function',
  )(dataSource, option)
}
