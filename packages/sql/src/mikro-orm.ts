import { must } from '@hongbao/core/internal'
import { readDialect, type SqlDialect } from './dialect.ts'
import { sqlError } from './errors.ts'
import { guardConnection } from './kysely-connection.ts'
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
    transaction: (run) => orm.em.fork().transactional((tx) => inTransaction(tx, dialect, run)),
  })
}

/** MikroORM itself would flush later, when statements are refused. */
async function inTransaction<Manager extends MikroOrmManager>(
  tx: Manager,
  dialect: SqlDialect,
  run: (tx: Manager) => Promise<void>,
): Promise<void> {
  const guarded = await guardConnection(tx.getTransactionContext(), dialect)
  // They would leave the EntityManager without a transaction: what it does next would commit by itself.
  Object.assign(tx, { begin: refuseControl, commit: refuseControl, rollback: refuseControl })
  try {
    await run(tx)
    await tx.flush()
  } finally {
    guarded.allowOnlyEnd()
  }
}

function refuseControl(): Promise<never> {
  return Promise.reject(sqlError('sql-transaction-control'))
}

function readOrm<Manager>(orm: MikroOrmLike<Manager>, option: string): MikroOrmLike<Manager> {
  return must<MikroOrmLike<Manager>>(
    'a MikroORM on an SQL driver',
    (given) =>
      typeof given?.em?.fork === 'function' && typeof given.em.getConnection === 'function',
  )(orm, option)
}
