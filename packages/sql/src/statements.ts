import type { InboxTable } from '@hongbao/core/internal'
import type { SqlDialect } from './dialect.ts'

/** The statements of an inbox, each with one value at the most. A row has `pk` and `applied`. */
export interface Statements {
  /** By id: records the key, not yet applied, unless it is there. Waits for no transaction. */
  readonly insert: string
  /** By id: locks the row of the key, and returns it; no row if it is locked. */
  readonly lock: string
  /** By id: returns the row without a lock, and without a look at whether it is applied. */
  readonly see: string
  /** By id, after the transaction: returns the row. */
  readonly find: string
  /** By `pk`, before the handlers run: sets the time at which the key was applied. */
  readonly mark: string | undefined
  /**
   * By `pk`, after the handlers: returns the row if the transaction still is the one that locked it,
   * and the key is marked in it.
   */
  readonly confirm: string
  /** Returns rows past the retention, the oldest first. */
  readonly findExpired: (batchSize: number) => string
  /** Locks those of the rows that are past the retention and not locked, and returns them. */
  readonly lockExpired: (pks: readonly string[]) => string
  readonly erase: (pks: readonly string[]) => string
  /** Returns whether a statement by itself is committed at once, if that is a setting. */
  readonly autocommit: string | undefined
}

export function statementsFor(
  dialect: SqlDialect,
  table: InboxTable,
  retentionSeconds: number,
): Statements {
  return dialect === 'mysql'
    ? mysqlStatements(table, retentionSeconds)
    : postgresStatements(table, retentionSeconds)
}

/** A number, because ORMs convert dates and booleans, each in its own way. */
const APPLIED = 'case when applied_at is null then 0 else 1 end as applied'

/**
 * The subquery of `lock` is not locked by the FOR UPDATE around it (MySQL documentation, "Locking
 * Reads"), so nothing holds an exclusive lock on the index of `id` while handlers run. INSERT IGNORE
 * locks only that index, with a shared lock, to find a duplicate. If `id` were the primary key, it
 * would wait for the handlers.
 *
 * The mark comes before the handlers: if a deadlock or a handler ends the transaction, the mark is gone
 * with it, and `confirm` finds none, or that of another delivery.
 *
 * Clean-up joins a list of keys, and looks each up: `pk in (…)` is a scan if the list is nearly the whole
 * table, and a scan locks, and waits for, every row. The list is a query of its own, because MySQL refuses
 * `json_table` under FOR UPDATE.
 */
function mysqlStatements({ sql }: InboxTable, retentionSeconds: number): Statements {
  const row = `select pk, ${APPLIED} from ${sql}`
  const limit = `utc_timestamp(3) - interval ${retentionSeconds} second`
  const rowsOf = (pks: readonly string[]): string =>
    `(select pk from json_table('[${pks.join(',')}]', '$[*]' columns (pk bigint unsigned path '$')) as list) as listed straight_join ${sql} as inbox force index (primary) on inbox.pk = listed.pk`
  return {
    insert: `insert ignore into ${sql} (id, created_at) values (?, utc_timestamp(3))`,
    lock: `${row} where pk = (select pk from ${sql} where id = ?) for update skip locked`,
    // From the index: with SERIALIZABLE, a look at the row would wait for its lock.
    see: `select pk, 0 as applied from ${sql} where id = ?`,
    find: `${row} where id = ?`,
    mark: `update ${sql} set applied_at = utc_timestamp(3), applied_by = connection_id() where pk = ?`,
    confirm: `${row} where pk = ? and applied_by = connection_id()`,
    findExpired: (batchSize) => `${row} where ${expiredBefore(limit, batchSize)}`,
    lockExpired: (pks) =>
      `select inbox.pk, ${APPLIED} from ${rowsOf(pks)} where ${endedBefore(limit)} for update skip locked`,
    erase: (pks) => `delete inbox from ${rowsOf(pks)}`,
    autocommit: 'select 0 as pk, @@autocommit as applied',
  }
}

/**
 * The mark comes after the handlers: INSERT … ON CONFLICT waits for a transaction that has updated the
 * row, but not for one that has locked it. `pk` names the transaction, so `confirm` finds nothing in
 * another one; a CTE, because some ORMs return something else for an UPDATE.
 */
function postgresStatements({ sql }: InboxTable, retentionSeconds: number): Statements {
  const row = `select id as pk, ${APPLIED} from ${sql}`
  const limit = `statement_timestamp() - make_interval(secs => ${retentionSeconds})`
  return {
    insert: `insert into ${sql} (id) values ($1) on conflict (id) do nothing`,
    lock: `select id || '.' || pg_current_xact_id()::text as pk, ${APPLIED} from ${sql} where id = $1 for update skip locked`,
    see: `${row} where id = $1`,
    find: `${row} where id = $1`,
    mark: undefined,
    confirm: `with own as (select split_part($1, '.', 1) as id, split_part($1, '.', 2) as xid), marked as (update ${sql} as inbox set applied_at = clock_timestamp() from own where inbox.id = own.id and pg_current_xact_id()::text = own.xid returning inbox.id) select id as pk, 1 as applied from marked`,
    findExpired: (batchSize) => `${row} where ${expiredBefore(limit, batchSize)}`,
    lockExpired: (pks) =>
      `${row} where id in (${listOf(pks)}) and ${endedBefore(limit)} for update skip locked`,
    erase: (pks) => `delete from ${sql} where id in (${listOf(pks)})`,
    autocommit: undefined,
  }
}

function listOf(pks: readonly string[]): string {
  return pks.map((pk) => `'${pk}'`).join(',')
}

/** The first condition is for the index: a key is never applied before it is created. */
function expiredBefore(limit: string, batchSize: number): string {
  return `created_at < ${limit} and ${endedBefore(limit)} order by created_at limit ${batchSize}`
}

/** Of a key that was never applied, the delivery of its last failure may be that old. */
function endedBefore(limit: string): string {
  return `coalesce(applied_at, created_at) < ${limit}`
}

/** Whether a statement of the inbox returns rows. */
export function isSelect(sql: string): boolean {
  return /^(?:select|with)\b/.test(sql)
}
