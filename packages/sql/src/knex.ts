import { must } from '@hongbao/core/internal'
import { dialectOf } from './dialect.ts'
import { readOwnOptions, type SqlInboxCommonOptions } from './options.ts'
import { sqlInbox, type SqlInbox } from './sql-inbox.ts'

/** What the inbox uses of a `Knex.Transaction`. */
export interface KnexQueries {
  raw(sql: string, values: string[]): PromiseLike<unknown>
}

/** An instance of Knex; `Transaction` is its `Knex.Transaction`. */
export interface KnexLike<Transaction> extends KnexQueries {
  readonly client: { readonly dialect?: string }
  transaction(run: (tx: Transaction) => Promise<void>): Promise<unknown>
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
      rowsOf(await (tx ?? knex).raw(sql.replaceAll('$1', '?'), values)),
    transaction: (run) => knex.transaction(run),
  })
}

/** What a driver returns: mysql2 a list of rows and fields, pg an object with rows. */
function rowsOf(result: unknown): unknown {
  return Array.isArray(result) ? result[0] : Reflect.get(Object(result), 'rows')
}

function readKnex<Transaction>(knex: KnexLike<Transaction>, option: string): KnexLike<Transaction> {
  return must<KnexLike<Transaction>>(
    'an instance of Knex',
    (given) => typeof given?.transaction === 'function' && typeof given.raw === 'function',
  )(knex, option)
}
