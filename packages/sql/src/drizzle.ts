import { must } from '@hongbao/core/internal'
import { readDialect, type SqlDialect } from './dialect.ts'
import { sqlError } from './errors.ts'
import { readOwnOptions, type SqlInboxCommonOptions } from './options.ts'
import { rowsOf } from './rows.ts'
import { sqlInbox, type SqlInbox } from './sql-inbox.ts'

/** What the inbox uses of a transaction of Drizzle. */
export interface DrizzleQueries {
  execute(sql: string): PromiseLike<unknown>
}

/** A database of Drizzle; `Transaction` is what it passes to the callback of `transaction`. */
export interface DrizzleLike<Transaction> extends DrizzleQueries {
  readonly $client?: unknown
  transaction(run: (tx: Transaction) => Promise<void>): Promise<unknown>
}

/** Options of {@link drizzleInbox}. */
export interface DrizzleInboxOptions<
  Transaction extends DrizzleQueries,
> extends SqlInboxCommonOptions {
  /** The database of your app, over `mysql2` or `pg`. */
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
    query: async (sql, values, tx) => rowsOf(await (tx ?? db).execute(withValues(sql, values))),
    transaction: (run) => inTransaction(db, run),
  })
}

/** `execute` takes text only. The values of an inbox are digits of hashes and of keys, and dots. */
function withValues(sql: string, [value]: string[]): string {
  return value === undefined ? sql : sql.replaceAll(/\?|\$1/g, `'${value}'`)
}

async function inTransaction<Transaction>(
  db: DrizzleLike<Transaction>,
  run: (tx: Transaction) => Promise<void>,
): Promise<void> {
  const life: Life = { state: 'open' }
  try {
    await db.transaction(async (tx) => {
      guard(tx, life)
      try {
        await run(tx)
      } finally {
        life.state = 'ending'
      }
    })
  } finally {
    life.state = 'over'
  }
}

/** How far a transaction is: when its handlers have resolved, only Drizzle's own COMMIT or ROLLBACK is left. */
interface Life {
  state: 'open' | 'ending' | 'over'
}

/** Runs the statements of a transaction of Drizzle, and of its savepoints. */
interface Session {
  prepareQuery(query: { readonly sql: string }, ...rest: unknown[]): object
}

/**
 * Lets a transaction refuse statements after its end. Drizzle itself would send them on the connection,
 * which another transaction may have by then.
 */
function guard(tx: unknown, life: Life): void {
  const session: unknown = Reflect.get(Object(tx), 'session')
  if (!isSession(session)) throw new TypeError('This version of Drizzle is not supported.')
  const prepareQuery = session.prepareQuery.bind(session)
  session.prepareQuery = (query, ...rest) =>
    guardStatement(prepareQuery(query, ...rest), () => {
      const isOfDrizzle = life.state === 'ending' && /^(?:commit|rollback)$/.test(query.sql)
      return life.state === 'open' || isOfDrizzle
    })
}

function isSession(given: unknown): given is Session {
  return typeof Reflect.get(Object(given), 'prepareQuery') === 'function'
}

function guardStatement(statement: object, mayRun: () => boolean): object {
  const guarded: object = new Proxy(statement, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        if (mayRun()) {
          const result: unknown = Reflect.apply(value, target, args)
          return result === target ? guarded : result
        }
        // Awaited by builders; an iterator cannot reject.
        if (name === 'execute') return Promise.reject(sqlError('sql-transaction-over'))
        throw sqlError('sql-transaction-over')
      }
    },
  })
  return guarded
}

function readDrizzle<Transaction>(
  db: DrizzleLike<Transaction>,
  option: string,
): DrizzleLike<Transaction> {
  return must<DrizzleLike<Transaction>>(
    'a database of Drizzle over mysql2 or pg; for postgres there is `postgresJsPool` of @hongbao/postgres',
    (given) =>
      typeof given?.transaction === 'function' &&
      typeof given.execute === 'function' &&
      // postgres is a function. It replaces a lost connection in a transaction, and goes on without one.
      typeof given.$client !== 'function',
  )(db, option)
}
