import { must } from '@hongbao/core/internal'
import { dialectOf } from './dialect.ts'
import { readOwnOptions, type SqlInboxCommonOptions } from './options.ts'
import { sqlInbox, type SqlInbox } from './sql-inbox.ts'

/** What the inbox uses of an `EntityManager` of TypeORM. */
export interface TypeormManager {
  query(sql: string, values?: string[]): Promise<unknown>
}

/** A `DataSource` of TypeORM; `Manager` is its `EntityManager`. */
export interface TypeormDataSource<Manager> {
  readonly options: { readonly type: string }
  query(sql: string, values?: string[]): Promise<unknown>
  transaction(run: (tx: Manager) => Promise<void>): Promise<unknown>
}

/** Options of {@link typeormInbox}. */
export interface TypeormInboxOptions<Manager extends TypeormManager> extends SqlInboxCommonOptions {
  /** The `DataSource` of your app, for MySQL, MariaDB or Postgres. */
  readonly dataSource: TypeormDataSource<Manager>
}

/**
 * An inbox in the transactions of TypeORM; `context.tx` is the `EntityManager` of the transaction.
 *
 * @throws OptionError for a wrong option
 */
export function typeormInbox<Manager extends TypeormManager>(
  options: TypeormInboxOptions<Manager>,
): SqlInbox<Manager> {
  const { own, common } = readOwnOptions('`typeormInbox`', options, {
    dataSource: readDataSource<Manager>,
  })
  const { dataSource } = own
  return sqlInbox<Manager>({
    ...common,
    dialect: dialectOf('dataSource', dataSource.options.type),
    // With replication, a DataSource sends raw queries to the master.
    query: (sql, values, tx) => (tx ?? dataSource).query(sql, values),
    transaction: (run) => dataSource.transaction(run),
  })
}

function readDataSource<Manager>(
  dataSource: TypeormDataSource<Manager>,
  option: string,
): TypeormDataSource<Manager> {
  return must<TypeormDataSource<Manager>>(
    'a DataSource of TypeORM',
    (given) => typeof given?.transaction === 'function' && typeof given.query === 'function',
  )(dataSource, option)
}
