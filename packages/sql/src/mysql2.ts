import { must } from '@hongbao/core/internal'
import { AUTOCOMMIT_OFF, AUTOCOMMIT_ON } from './control.ts'
import { readOwnOptions, type SqlInboxCommonOptions } from './options.ts'
import { sqlInbox, type SqlInbox } from './sql-inbox.ts'
import { lendGuarded, type GuardedMethods } from './transaction-guard.ts'

/** A connection that is lent by a pool of `mysql2/promise`: what the inbox uses of it. */
export interface Mysql2Connection {
  query(sql: string, values?: string[]): Promise<[unknown, ...unknown[]]>
  release(): void
  destroy(): void
}

/** A pool of `mysql2/promise`: what the inbox uses of it. */
export interface Mysql2Pool<Connection extends Mysql2Connection> {
  query(sql: string, values?: string[]): Promise<[unknown, ...unknown[]]>
  getConnection(): Promise<Connection>
}

/** Options of `mysql2Inbox`. */
export interface Mysql2InboxOptions<
  Connection extends Mysql2Connection,
> extends SqlInboxCommonOptions {
  /**
   * A pool of `mysql2/promise`. The inbox borrows a connection for each event, and closes only broken
   * ones. It does not end the pool. How long it waits for a connection is up to the pool.
   */
  readonly pool: Mysql2Pool<Connection>
}

/**
 * An inbox on MySQL or MariaDB over `mysql2/promise`; `context.tx` is a `PoolConnection` in the
 * transaction of the event.
 *
 * @throws OptionError for a wrong option
 */
export function mysql2Inbox<Connection extends Mysql2Connection>(
  options: Mysql2InboxOptions<Connection>,
): SqlInbox<Connection> {
  const { own, common } = readOwnOptions('`mysql2Inbox`', options, { pool: readPool<Connection> })
  const { pool } = own
  const inbox = sqlInbox<Connection>({
    ...common,
    dialect: 'mysql',
    query: async (sql, values, tx) => (await (tx ?? pool).query(sql, values))[0],
    transaction: (run) => inTransaction(pool, run),
  })
  return {
    ...inbox,
    // It ends before the inbox checks its mark: what is sent after that could undo the transaction.
    admit: (key, work) =>
      inbox.admit(key, ({ tx }) => lendGuarded(tx, METHODS, (guarded) => work({ tx: guarded }))),
  }
}

/** Without BEGIN: with autocommit off, whatever runs on the connection is in a transaction. */
async function inTransaction<Connection extends Mysql2Connection>(
  pool: Mysql2Pool<Connection>,
  run: (tx: Connection) => Promise<void>,
): Promise<void> {
  const connection = await pool.getConnection()
  try {
    await connection.query(AUTOCOMMIT_OFF)
    await run(connection)
    await connection.query('commit')
  } catch (error) {
    await connection.query('rollback').catch(() => connection.destroy())
    throw error
  } finally {
    // Not awaited: the result of the event is certain.
    connection.query(AUTOCOMMIT_ON).then(
      () => connection.release(),
      () => connection.destroy(),
    )
  }
}

const METHODS: GuardedMethods = {
  sending: new Set(['query', 'execute', 'prepare', 'ping']),
  ending: new Set(['beginTransaction', 'commit', 'rollback', 'changeUser', 'reset', 'end']),
  leaving: new Set<PropertyKey>(['release', 'destroy', Symbol.dispose, Symbol.asyncDispose]),
  lending: new Set(['connection', 'promise', 'prepare']),
}

function readPool<Connection extends Mysql2Connection>(
  pool: Mysql2Pool<Connection>,
  option: string,
): Mysql2Pool<Connection> {
  return must<Mysql2Pool<Connection>>(
    'a pool of mysql2/promise',
    (given) => typeof given?.getConnection === 'function' && typeof given.query === 'function',
  )(pool, option)
}
