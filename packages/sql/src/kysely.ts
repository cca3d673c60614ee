import { must } from '@hongbao/core/internal'
import { readDialect, type SqlDialect } from './dialect.ts'
import { guardConnection, statementOf, type KyselyStatement } from './kysely-connection.ts'
import { readOwnOptions, type SqlInboxCommonOptions } from './options.ts'
import { sqlInbox, type SqlInbox } from './sql-inbox.ts'

/** What the inbox uses of a `Kysely` database, and of its `Transaction`. */
export interface KyselyQueries {
  withoutPlugins(): {
    executeQuery(statement: KyselyStatement): Promise<{ readonly rows: unknown[] }>
  }
  getExecutor(): { provideConnection(use: () => Promise<void>): Promise<void> }
}

/** A `Kysely` database; `Transaction` is its `Transaction`. */
export interface KyselyLike<Transaction> extends KyselyQueries {
  transaction(): { execute(run: (tx: Transaction) => Promise<void>): Promise<unknown> }
}

/** Options of {@link kyselyInbox}. */
export interface KyselyInboxOptions<
  Transaction extends KyselyQueries,
> extends SqlInboxCommonOptions {
  /** The `Kysely` of your app. */
  readonly db: KyselyLike<Transaction>
  /** The SQL of the database. */
  readonly dialect: SqlDialect
}

/**
 * An inbox in the transactions of Kysely; `context.tx` is its `Transaction`.
 *
 * @throws OptionError for a wrong option
 */
export function kyselyInbox<Transaction extends KyselyQueries>(
  options: KyselyInboxOptions<Transaction>,
): SqlInbox<Transaction> {
  const { own, common } = readOwnOptions('`kyselyInbox`', options, {
    db: readKysely<Transaction>,
    dialect: readDialect,
  })
  const { db, dialect } = own
  return sqlInbox<Transaction>({
    ...common,
    dialect,
    query: async (sql, values, tx) =>
      (await (tx ?? db).withoutPlugins().executeQuery(statementOf(sql, values))).rows,
    transaction: (run) => inTransaction(db, dialect, run),
  })
}

/** Kysely refuses what waits until the end, so its connection is taken from the handlers first. */
async function inTransaction<Transaction extends KyselyQueries>(
  db: KyselyLike<Transaction>,
  dialect: SqlDialect,
  run: (tx: Transaction) => Promise<void>,
): Promise<void> {
  const ended = Promise.withResolvers<void>()
  try {
    await db.transaction().execute(async (tx) => {
      const guarded = await guardConnection(tx, dialect)
      try {
        await run(tx)
      } finally {
        await takeConnection(tx, ended.promise).finally(() => guarded.allowOnlyEnd())
      }
    })
  } finally {
    ended.resolve()
  }
}

/** Resolves when no statement runs any more; others wait until `release`. */
function takeConnection(tx: KyselyQueries, release: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const held = tx.getExecutor().provideConnection(() => {
      resolve()
      return release
    })
    held.catch(reject)
  })
}

function readKysely<Transaction>(
  db: KyselyLike<Transaction>,
  option: string,
): KyselyLike<Transaction> {
  return must<KyselyLike<Transaction>>(
    'a database of Kysely',
    (given) =>
      typeof given?.transaction === 'function' && typeof given.withoutPlugins === 'function',
  )(db, option)
}
