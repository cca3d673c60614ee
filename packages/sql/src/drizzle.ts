import { must } from '@hongbao/core/internal'
import { readDialect, type SqlDialect } from './dialect.ts'
import { readOwnOptions, type SqlInboxCommonOptions } from './options.ts'
import { sqlInbox, type SqlInbox } from './sql-inbox.ts'

/** What the inbox uses of a transaction of Drizzle. */
export interface DrizzleQueries {
  execute(sql: string): PromiseLike<unknown>
}

/** A database of Drizzle; `Transaction` is what it passes to the callback of `transaction`. */
export interface DrizzleLike<Transaction> extends DrizzleQueries {
  transaction(run: (tx: Transaction) => Promise<void>): Promise<unknown>
}

/** Options of {@link drizzleInbox}. */
export interface DrizzleInboxOptions<
  Transaction extends DrizzleQueries,
> extends SqlInboxCommonOptions {
  /** The database of your app, over `mysql2`, `pg` or `postgres`. */
  readonly db: DrizzleLike<Transaction>
  /** The SQL of the database. */
  readonly dialect: SqlDialect
}

/**
 * An inbox in the transactions of Drizzle; `context.tx` is its transaction.
 *
 * @throws OptionError for a wrong option
 */
export function drizzleInbox<Transaction extends DrizzleQueries>(
  options: DrizzleInboxOptions<Transaction>,
): SqlInbox<Transaction> {
  const { own, common } = readOwnOptions('`drizzleInbox`', options, {
    db: readDrizzle<Transaction>,
    dialect: readDialect,
  })
  const { db, dialect } = own
  return sqlInbox<Transaction>({
    ...common,
    dialect,
    query: async (sql, values, tx) =>
      rowsOf(await (tx ?? db).execute(withValues(sql, values)), dialect),
    transaction: (run) => db.transaction(run),
  })
}

/** `execute` takes text only. The values of an inbox are digits of hashes and of keys, and dots. */
function withValues(sql: string, [value]: string[]): string {
  return value === undefined ? sql : sql.replaceAll(/\?|\$1/g, `'${value}'`)
}

/** What a driver returns: mysql2 a list of rows and fields, postgres the rows, pg an object with rows. */
function rowsOf(result: unknown, dialect: SqlDialect): unknown {
  if (!Array.isArray(result)) return Reflect.get(Object(result), 'rows')
  return dialect === 'mysql' ? result[0] : result
}

function readDrizzle<Transaction>(
  db: DrizzleLike<Transaction>,
  option: string,
): DrizzleLike<Transaction> {
  return must<DrizzleLike<Transaction>>(
    'a database of Drizzle',
    (given) => typeof given?.transaction === 'function' && typeof given.execute === 'function',
  )(db, option)
}
