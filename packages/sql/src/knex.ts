import { must } from '@hongbao/core/internal'
import { dialectOf } from './dialect.ts'
import { readOwnOptions, type SqlInboxCommonOptions } from './options.ts'
import { withQuestionMarks } from './placeholders.ts'
import { rowsOf } from './rows.ts'
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
      rowsOf(await (tx ?? knex).raw(...withQuestionMarks(sql, values))),
    transaction: (run) => inTransaction(knex, run),
  })
}

/** Knex refuses statements of a transaction from the moment at which it sends COMMIT or ROLLBACK. */
async function inTransaction<Transaction>(
  knex: KnexLike<Transaction>,
  run: (tx: Transaction) => Promise<void>,
): Promise<void> {
  let running = Promise.resolve()
  try {
    await knex.transaction((tx) => (running = run(tx)))
  } finally {
    // Knex does not wait for handlers that call `tx.commit()` or `tx.rollback()`.
    await running
  }
}

function readKnex<Transaction>(knex: KnexLike<Transaction>, option: string): KnexLike<Transaction> {
  return must<KnexLike<Transaction>>(
    'an instance of Knex',
    (given) => typeof given?.transaction === 'function' && typeof given.raw === 'function',
  )(knex, option)
}
