import { must } from '@hongbao/core/internal'
import { AUTOCOMMIT_OFF, AUTOCOMMIT_ON, endsTransaction } from './control.ts'
import { readDialect, type SqlDialect } from './dialect.ts'
import { sqlError, type SqlInboxErrorCode } from './errors.ts'
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
  /** The database of your app, over a pool of `mysql2` or `pg`, not a single connection. */
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
    transaction: (run) => inTransaction(db, dialect, run),
  })
}

/** `execute` takes text only. The values of an inbox are digits of hashes and of keys, and dots. */
function withValues(sql: string, [value]: string[]): string {
  return value === undefined ? sql : sql.replaceAll(/\?|\$1/g, `'${value}'`)
}

async function inTransaction<Transaction extends DrizzleQueries>(
  db: DrizzleLike<Transaction>,
  dialect: SqlDialect,
  run: (tx: Transaction) => Promise<void>,
): Promise<void> {
  const life: Life = { state: 'open', dialect }
  try {
    await db.transaction(async (tx) => {
      if (dialect === 'mysql') await tx.execute(AUTOCOMMIT_OFF)
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
  readonly dialect: SqlDialect
}

/** Why a statement must not be sent now. */
function refusalOf({ state, dialect }: Life, sql: string): SqlInboxErrorCode | undefined {
  if (state === 'open') return endsTransaction(dialect, sql) ? 'sql-transaction-control' : undefined
  return state === 'ending' && isEnd(sql) ? undefined : 'sql-transaction-over'
}

/** What Drizzle itself sends. */
function isEnd(sql: string): boolean {
  return /^(?:commit|rollback)$/.test(sql)
}

interface Query {
  readonly sql: string
  readonly params: readonly unknown[]
}

interface Statement {
  execute(): Promise<unknown>
}

/** Runs the statements of a transaction of Drizzle, and of its savepoints. */
interface Session {
  prepareQuery(query: Query, ...rest: unknown[]): Statement
}

/**
 * Lets a transaction refuse statements that end it, and all after its end. Drizzle itself would send them on
 * the connection, which another transaction may have by then.
 */
function guard(tx: unknown, life: Life): void {
  const session: unknown = Reflect.get(Object(tx), 'session')
  if (!isSession(session)) throw new TypeError('This version of Drizzle is not supported.')
  const prepareQuery = session.prepareQuery.bind(session)
  session.prepareQuery = (query, ...rest) => {
    const statement = prepareQuery(query, ...rest)
    const guarded = guardStatement(statement, () => refusalOf(life, query.sql))
    return isEnd(query.sql) && life.dialect === 'mysql'
      ? thenAutocommit(guarded, prepareQuery({ sql: AUTOCOMMIT_ON, params: [] }, ...rest))
      : guarded
  }
}

function isSession(given: unknown): given is Session {
  return typeof Reflect.get(Object(given), 'prepareQuery') === 'function'
}

function guardStatement(
  statement: Statement,
  refusal: () => SqlInboxErrorCode | undefined,
): Statement {
  const guarded: Statement = new Proxy(statement, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        const code = refusal()
        if (code === undefined) {
          const result: unknown = Reflect.apply(value, target, args)
          return result === target ? guarded : result
        }
        // Awaited by builders; an iterator cannot reject.
        if (name === 'execute') return Promise.reject(sqlError(code))
        throw sqlError(code)
      }
    },
  })
  return guarded
}

/** Turns autocommit on again when the transaction has ended, before Drizzle releases the connection. */
function thenAutocommit(end: Statement, autocommit: Statement): Statement {
  return {
    async execute() {
      const result = await end.execute()
      await autocommit.execute().catch(() => {})
      return result
    },
  }
}

function readDrizzle<Transaction>(
  db: DrizzleLike<Transaction>,
  option: string,
): DrizzleLike<Transaction> {
  return must<DrizzleLike<Transaction>>(
    'a database of Drizzle over a pool of mysql2 or pg; for postgres there is `postgresJsPool` of @hongbao/postgres',
    (given) =>
      typeof given?.transaction === 'function' &&
      typeof given.execute === 'function' &&
      // postgres is a function. It replaces a lost connection in a transaction, and goes on without one.
      typeof given.$client !== 'function' &&
      !isConnection(Object(given.$client)),
  )(db, option)
}

/** Whether it is one connection, of mysql2 or pg: events at the same time would share its transaction. */
function isConnection(client: object): boolean {
  return 'beginTransaction' in client || 'processID' in client
}
