import { must } from '@hongbao/core/internal'
import { AUTOCOMMIT_OFF, AUTOCOMMIT_ON, endsTransaction } from './control.ts'
import { dialectOf, type SqlDialect } from './dialect.ts'
import { sqlError } from './errors.ts'
import { readOwnOptions, type SqlInboxCommonOptions } from './options.ts'
import { withQuestionMarks } from './placeholders.ts'
import { rowsOf } from './rows.ts'
import { sqlInbox, type SqlInbox } from './sql-inbox.ts'

/** What the inbox uses of a `Knex.Transaction`. */
export interface KnexQueries {
  raw(sql: string, values: string[]): PromiseLike<unknown>
}

/** An instance of Knex; `Transaction` is its `Knex.Transaction`. */
export interface KnexLike<Transaction> {
  readonly client: KnexClient
  raw(sql: string, values: string[]): KnexRaw
  transaction(
    run: (tx: Transaction) => Promise<void>,
    config?: { connection?: unknown },
  ): Promise<unknown>
}

interface KnexClient {
  readonly dialect?: string
  acquireConnection(): Promise<unknown>
  releaseConnection(connection: unknown): Promise<unknown>
}

interface KnexRaw extends PromiseLike<unknown> {
  connection(connection: unknown): PromiseLike<unknown>
}

/** Options of {@link knexInbox}. */
export interface KnexInboxOptions<Transaction extends KnexQueries> extends SqlInboxCommonOptions {
  /** The Knex of your app, for MySQL, MariaDB or Postgres. */
  readonly knex: KnexLike<Transaction>
}

/**
 * An inbox in the transactions of Knex, and of Objection on it; `context.tx` is the `Knex.Transaction`.
 *
 * @throws OptionError for a wrong option
 */
export function knexInbox<Transaction extends KnexQueries>(
  options: KnexInboxOptions<Transaction>,
): SqlInbox<Transaction> {
  const { own, common } = readOwnOptions('`knexInbox`', options, { knex: readKnex<Transaction> })
  const { knex } = own
  const dialect = dialectOf('knex', String(knex.client.dialect))
  return sqlInbox<Transaction>({
    ...common,
    dialect,
    query: async (sql, values, tx) =>
      rowsOf(await (tx ?? knex).raw(...withQuestionMarks(sql, values))),
    transaction: (run) =>
      dialect === 'mysql' ? withoutAutocommit(knex, run) : inTransaction(knex, dialect, run),
  })
}

async function withoutAutocommit<Transaction extends KnexQueries>(
  knex: KnexLike<Transaction>,
  run: (tx: Transaction) => Promise<void>,
): Promise<void> {
  const connection = await knex.client.acquireConnection()
  try {
    await knex.raw(AUTOCOMMIT_OFF, []).connection(connection)
    await inTransaction(knex, 'mysql', run, connection)
  } finally {
    // Not awaited: the result of the event is certain. It fails on a lost connection, which Knex closes.
    void release(knex, connection)
  }
}

async function release(
  knex: Pick<KnexLike<unknown>, 'client' | 'raw'>,
  connection: unknown,
): Promise<void> {
  await Promise.resolve(knex.raw(AUTOCOMMIT_ON, []).connection(connection)).catch(() => {})
  await knex.client.releaseConnection(connection)
}

/** Knex refuses statements of a transaction from the moment at which it sends COMMIT or ROLLBACK. */
async function inTransaction<Transaction extends KnexQueries>(
  knex: KnexLike<Transaction>,
  dialect: SqlDialect,
  run: (tx: Transaction) => Promise<void>,
  connection?: unknown,
): Promise<void> {
  let running = Promise.resolve()
  try {
    await knex.transaction((tx) => (running = withoutCommit(tx, dialect, run)), { connection })
  } finally {
    // Knex does not wait for handlers that call `tx.rollback()`.
    await running
  }
}

/** Handlers that commit would leave the event to be applied again, or to be a duplicate if they fail then. */
async function withoutCommit<Transaction extends KnexQueries>(
  tx: Transaction,
  dialect: SqlDialect,
  run: (tx: Transaction) => Promise<void>,
): Promise<void> {
  const client: TransactionClient = Reflect.get(Object(tx), 'client')
  const commit: unknown = Reflect.get(tx, 'commit')
  const { query } = client
  Object.assign(tx, { commit: refuse })
  // Knex itself sends COMMIT and ROLLBACK as texts.
  client.query = (connection, statement) =>
    typeof statement === 'object' && endsTransaction(dialect, statement.sql)
      ? refuse()
      : query.call(client, connection, statement)
  try {
    await run(tx)
  } finally {
    Object.assign(tx, { commit })
    client.query = query
  }
}

/** What sends the statements of a transaction. */
interface TransactionClient {
  query: (connection: unknown, statement: string | { readonly sql: string }) => Promise<unknown>
}

function refuse(): Promise<never> {
  return Promise.reject(sqlError('sql-transaction-control'))
}

function readKnex<Transaction>(knex: KnexLike<Transaction>, option: string): KnexLike<Transaction> {
  return must<KnexLike<Transaction>>(
    'an instance of Knex',
    (given) => typeof given?.transaction === 'function' && typeof given.raw === 'function',
  )(knex, option)
}
