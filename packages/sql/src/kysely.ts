import { must } from '@hongbao/core/internal'
import { readDialect, type SqlDialect } from './dialect.ts'
import { readOwnOptions, type SqlInboxCommonOptions } from './options.ts'
import { sqlInbox, type SqlInbox } from './sql-inbox.ts'

/** A statement as Kysely compiles it. */
export interface KyselyStatement {
  readonly sql: string
  readonly parameters: readonly string[]
  readonly query: {
    readonly kind: 'RawNode'
    readonly sqlFragments: readonly string[]
    readonly parameters: readonly never[]
  }
  readonly queryId: { readonly queryId: string }
}

/** What the inbox uses of a `Transaction` of Kysely. */
export interface KyselyQueries {
  executeQuery(statement: KyselyStatement): Promise<{ readonly rows: unknown[] }>
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
      (await (tx ?? db).executeQuery(statementOf(sql, values))).rows,
    transaction: (run) => db.transaction().execute(run),
  })
}

function statementOf(sql: string, values: string[]): KyselyStatement {
  const query = { kind: 'RawNode', sqlFragments: [sql], parameters: [] } as const
  return { sql, parameters: values, query, queryId: { queryId: 'hongbao' } }
}

function readKysely<Transaction>(
  db: KyselyLike<Transaction>,
  option: string,
): KyselyLike<Transaction> {
  return must<KyselyLike<Transaction>>(
    'a database of Kysely',
    (given) => typeof given?.transaction === 'function' && typeof given.executeQuery === 'function',
  )(db, option)
}
