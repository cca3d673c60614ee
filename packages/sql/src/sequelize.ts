import { must } from '@hongbao/core/internal'
import { AUTOCOMMIT_OFF, AUTOCOMMIT_ON } from './control.ts'
import { dialectOf } from './dialect.ts'
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
        if (dialect === 'mysql') await withoutAutocommit(tx, (sql) => send(sql, [], tx))
        // Handlers that commit would leave the event to be applied again.
        Object.assign(tx, { commit: () => Promise.reject(sqlError('sql-transaction-control')) })
        try {
          await run(tx)
        } finally {
          // From here on it is that of the class again, which Sequelize calls.
          Reflect.deleteProperty(tx, 'commit')
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

/** What Sequelize calls when a transaction has ended: it releases the connection. */
interface EndingTransaction {
  readonly connection: { query(sql: string, done: () => void): void }
  cleanup: () => void
}

/**
 * Sequelize itself ends a transaction after a deadlock, and after no other error with which the server rolls
 * back: that a row was changed (MariaDB), or a lock timeout with `innodb_rollback_on_timeout`.
 */
async function withoutAutocommit(
  tx: object,
  send: (sql: string) => Promise<unknown>,
): Promise<void> {
  await send(AUTOCOMMIT_OFF)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of Sequelize 6
  const ending = tx as EndingTransaction
  const { connection, cleanup } = ending
  ending.cleanup = () => {
    ending.cleanup = cleanup
    // The driver sends it before what the next user of the connection sends.
    connection.query(AUTOCOMMIT_ON, () => {})
    cleanup.call(tx)
  }
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
