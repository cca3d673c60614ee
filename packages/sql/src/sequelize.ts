import { must } from '@hongbao/core/internal'
import { AUTOCOMMIT_OFF, AUTOCOMMIT_ON, endsTransaction } from './control.ts'
import { dialectOf, type SqlDialect } from './dialect.ts'
import { sqlError } from './errors.ts'
import { readOwnOptions, type SqlInboxCommonOptions } from './options.ts'
import { sqlInbox, type SqlInbox } from './sql-inbox.ts'
import { isSelect } from './statements.ts'

/** How the inbox runs a statement with Sequelize. */
export interface SequelizeQueryOptions<Transaction> {
  readonly type: 'SELECT' | 'RAW'
  readonly transaction: Transaction | null
  readonly useMaster: true
  readonly replacements?: string[]
  readonly bind?: string[]
}

/** What the inbox uses of an instance of `Sequelize`. */
export interface SequelizeLike<Transaction> {
  getDialect(): string
  query(sql: string, options: never): Promise<unknown>
  transaction(run: (tx: Transaction) => Promise<void>): Promise<unknown>
  /** Not used: the compiler reads from it, the last overload of Sequelize, what a transaction is. */
  transaction(): Promise<Transaction>
}

/** Options of {@link sequelizeInbox}. */
export interface SequelizeInboxOptions<Transaction extends object> extends SqlInboxCommonOptions {
  /** The `Sequelize` of your app, version 6, for MySQL, MariaDB or Postgres. */
  readonly sequelize: SequelizeLike<Transaction>
}

/**
 * An inbox in the transactions of Sequelize; `context.tx` is the `Transaction`: pass it to every query,
 * as `{ transaction: tx }`.
 *
 * @throws OptionError for a wrong option
 */
export function sequelizeInbox<Transaction extends object>(
  options: SequelizeInboxOptions<Transaction>,
): SqlInbox<Transaction> {
  const { own, common } = readOwnOptions('`sequelizeInbox`', options, {
    sequelize: readSequelize<Transaction>,
  })
  const { sequelize } = own
  const dialect = dialectOf('sequelize', sequelize.getDialect())
  const orm: object = sequelize
  const query: Query<Transaction> = Reflect.get(orm, 'query')
  return sqlInbox<Transaction>({
    ...common,
    dialect,
    query: send,
    transaction: (run) =>
      sequelize.transaction(async (tx) => {
        if (dialect === 'mysql') await send(AUTOCOMMIT_OFF, [], tx)
        const unguard = guardTransaction(tx, dialect)
        try {
          await run(tx)
        } finally {
          unguard()
          endNested(tx)
        }
      }),
  })

  function send(sql: string, values: string[], tx?: Transaction): Promise<unknown> {
    return query.call(sequelize, sql, {
      type: isSelect(sql) ? 'SELECT' : 'RAW',
      // Not undefined: with CLS that would be the transaction around this call.
      transaction: tx ?? null,
      useMaster: true,
      ...(dialect === 'mysql' ? { replacements: values } : { bind: values }),
    })
  }
}

/** What of a transaction ends it, and the connection, of mysql2 or pg, that `cleanup` releases. */
interface GuardedTransaction {
  readonly connection: { query: Send; execute?: Send }
  commit: () => Promise<void>
  cleanup: () => void
}

type Send = (statement: string | { readonly sql?: string }, ...rest: unknown[]) => unknown

/**
 * Lets handlers not commit: the event would be applied again, or be a duplicate if they fail then. And turns
 * autocommit on again at the end: Sequelize itself ends a transaction after a deadlock, and after no other
 * error with which the server rolls back: that a row was changed (MariaDB), or a lock timeout with
 * `innodb_rollback_on_timeout`.
 *
 * Returns what lets Sequelize commit.
 */
function guardTransaction(tx: object, dialect: SqlDialect): () => void {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of Sequelize 6
  const guarded = tx as GuardedTransaction
  const { connection, commit, cleanup } = guarded
  const { query, execute } = connection
  let isGuarded = true

  /** Throws, in the promise that Sequelize makes. */
  function guard(send: Send): Send {
    return (statement, ...rest) => {
      const sql = typeof statement === 'string' ? statement : `${statement.sql}`
      // Sequelize itself sends the first one.
      if (sql !== 'ROLLBACK;' && endsTransaction(dialect, sql)) {
        throw sqlError('sql-transaction-control')
      }
      return send.call(connection, statement, ...rest)
    }
  }

  function unguard(): void {
    // After the release, another event may have guarded the connection.
    if (!isGuarded) return
    isGuarded = false
    Object.assign(connection, { query }, execute && { execute })
    guarded.commit = commit
  }

  Object.assign(connection, { query: guard(query) }, execute && { execute: guard(execute) })
  guarded.commit = () => Promise.reject(sqlError('sql-transaction-control'))
  guarded.cleanup = () => {
    guarded.cleanup = cleanup
    unguard()
    // The driver sends it before what the next user of the connection sends.
    if (dialect === 'mysql') query.call(connection, AUTOCOMMIT_ON, () => {})
    cleanup.call(tx)
  }
  return unguard
}

/**
 * Sequelize refuses a transaction that is over, but not those nested in it: what is left of a handler
 * would write through them on the connection that it has given back.
 */
function endNested(tx: object): void {
  const savepoints: NestedTransaction[] = Reflect.get(tx, 'savepoints')
  for (const nested of savepoints) {
    nested.finished ??= 'rollback'
    endNested(nested)
  }
  savepoints.push = () => {
    throw sqlError('sql-transaction-over')
  }
}

type Query<Transaction> = (
  sql: string,
  options: SequelizeQueryOptions<Transaction>,
) => Promise<unknown>

interface NestedTransaction {
  finished?: string
}

function readSequelize<Transaction>(
  sequelize: SequelizeLike<Transaction>,
  option: string,
): SequelizeLike<Transaction> {
  return must<SequelizeLike<Transaction>>(
    'an instance of Sequelize',
    (given) => typeof given?.transaction === 'function' && typeof given.getDialect === 'function',
  )(sequelize, option)
}
