import { milliseconds, optional, readSettings, whole, wrong } from '@hongbao/core/internal'
import type { PostgresClient, PostgresPool, PostgresResult } from './client.ts'
import { deadlineIn, nextIn, waitIn, type Deadline, type Queue } from './deadline.ts'
import { postgresError } from './errors.ts'

/** The `sql` of `postgres`, as far as it is used here. */
export interface PostgresJs<Reserved extends ReservedPostgresJs = ReservedPostgresJs> {
  readonly options: {
    readonly max: number
    readonly fetch_types: boolean
    onclose?: ((id: number) => void) | undefined
  }
  unsafe(text: string): PromiseLike<unknown>
  reserve(): Promise<Reserved>
  end(options?: { timeout?: number }): Promise<void>
}

/** A reserved connection of `postgres`. */
export interface ReservedPostgresJs {
  unsafe(
    text: string,
    values?: string[],
    options?: { prepare?: boolean },
  ): PromiseLike<PostgresJsResult>
  release(): void
}

/** The rows of a statement, or the results of several. */
export type PostgresJsResult = readonly unknown[] & { readonly command?: string }

/** A pool of `postgres` connections; `tx` is a tagged template as `sql` is. */
export interface PostgresJsPool<Reserved> extends PostgresPool<Reserved & PostgresClient> {
  readonly options: { readonly max: number }
  /** Closes its connections, those that are lent when they come back. */
  end(): Promise<void>
}

/** Options of {@link postgresJsPool}. */
export interface PostgresJsPoolOptions {
  /** How many connections there are at the most, and so how many events are applied at once. Default: 10. */
  readonly max?: number | undefined
  /**
   * How long `connect` waits while all connections are lent, in milliseconds. While Postgres hangs, as
   * many deliveries wait as come within it, 2 kB each, although the inbox has given them up. Default:
   * 10,000.
   */
  readonly connectionTimeoutMs?: number | undefined
}

/**
 * Connections of `postgres` (porsager) for an inbox:
 * `postgresJsPool(() => postgres(url, { max: 1, fetch_types: false }))`.
 *
 * Each is an instance of `postgres` with a single connection, because a connection that an instance
 * has reserved is not safe to hold a transaction in. When it is lost between two statements,
 * `postgres` 3.4 connects again without notice, and the next statement runs outside of any
 * transaction, at once and for good; or it throws an error that cannot be caught. If an instance has
 * one connection, its `onclose` hook shows which connection was closed.
 *
 * `fetch_types: false`, because `postgres` 3.4 asks every new connection for the types of arrays,
 * and if the connection is lost meanwhile, the rejection cannot be caught and the process ends.
 *
 * With PgBouncer in transaction mode `prepare: false` as well: it prepares the statements of
 * handlers otherwise, and the next event is on another connection of Postgres.
 *
 * @throws OptionError if `open` opens more than one connection, or asks for types
 */
export function postgresJsPool<Reserved extends ReservedPostgresJs>(
  open: () => PostgresJs<Reserved>,
  options: PostgresJsPoolOptions = {},
): PostgresJsPool<Reserved> {
  const { max, connectionTimeoutMs } = readSettings('`postgresJsPool`', options, {
    max: optional(whole(1), 10),
    connectionTimeoutMs: optional(milliseconds, 10_000),
  })
  if (typeof open !== 'function' || !isSafe(open())) {
    throw wrong(
      'open',
      'a function like () => postgres(url, { max: 1, fetch_types: false }): one connection each time, which asks for nothing by itself',
    )
  }
  const pool: SessionPool<Reserved> = {
    open,
    max,
    idle: [],
    waiting: new Set(),
    size: 0,
    isEnding: false,
  }

  async function connect(): Promise<Reserved & PostgresClient> {
    const session = await take(pool, deadlineIn(connectionTimeoutMs))
    try {
      return await reserve(pool, session)
    } catch (error) {
      giveBack(pool, session, true)
      throw error
    }
  }

  async function end(): Promise<void> {
    pool.isEnding = true
    await Promise.all(pool.idle.splice(0).map((session) => close(session)))
  }

  return { options: { max }, connect, end }
}

function isSafe({ options }: PostgresJs): boolean {
  return options?.max === 1 && !options.fetch_types
}

interface SessionPool<Reserved extends ReservedPostgresJs> {
  readonly open: () => PostgresJs<Reserved>
  readonly max: number
  readonly idle: Session<Reserved>[]
  readonly waiting: Queue<Session<Reserved>>
  size: number
  isEnding: boolean
}

/** An instance of `postgres` with its one connection. */
interface Session<Reserved extends ReservedPostgresJs> {
  readonly sql: PostgresJs<Reserved>
  /** Listeners of the client that is lent, for the loss of the connection. */
  readonly listeners: Set<(error: unknown) => void>
  hasRun: boolean
  isClosed: boolean
}

async function take<Reserved extends ReservedPostgresJs>(
  pool: SessionPool<Reserved>,
  deadline: Deadline,
): Promise<Session<Reserved>> {
  const session = pool.idle.pop()
  if (session !== undefined) return session
  if (pool.size < pool.max) return openSession(pool)
  return waitIn(pool.waiting, deadline, () => postgresError('postgres-pool-timed-out'))
}

function giveBack<Reserved extends ReservedPostgresJs>(
  pool: SessionPool<Reserved>,
  session: Session<Reserved>,
  destroy: boolean,
): void {
  const isKept = !destroy && !session.isClosed && !pool.isEnding
  if (!isKept) {
    void close(session)
    pool.size -= 1
  }
  const next = nextIn(pool.waiting)
  if (next !== undefined) next.resolve(isKept ? session : openSession(pool))
  else if (isKept) pool.idle.push(session)
}

function openSession<Reserved extends ReservedPostgresJs>(
  pool: SessionPool<Reserved>,
): Session<Reserved> {
  const sql = pool.open()
  const { onclose } = sql.options
  const session: Session<Reserved> = { sql, listeners: new Set(), hasRun: false, isClosed: false }
  pool.size += 1
  // `postgres` looks for this hook whenever a connection closes.
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- it is an option, and no element of a page
  sql.options.onclose = (id) => {
    session.isClosed = true
    const at = pool.idle.indexOf(session)
    if (at !== -1) pool.size -= pool.idle.splice(at, 1).length
    const error = new Error('The connection to Postgres was closed.')
    for (const listener of session.listeners) listener(error)
    onclose?.(id)
  }
  return session
}

/** Closes the connection at once. */
async function close({ sql }: Session<ReservedPostgresJs>): Promise<void> {
  await sql.end({ timeout: 0 })
}

/** Lends the connection until it is released. */
async function reserve<Reserved extends ReservedPostgresJs>(
  pool: SessionPool<Reserved>,
  session: Session<Reserved>,
): Promise<Reserved & PostgresClient> {
  const { sql, listeners } = session
  // `reserve` never resolves on a connection that has run no other statement.
  if (!session.hasRun) await sql.unsafe('select 1')
  session.hasRun = true
  const reserved = await sql.reserve()
  const unreserve = reserved.release.bind(reserved)
  return Object.assign(reserved, {
    // Drizzle looks for them.
    options: sql.options,
    on: (_: 'error', listener: (error: unknown) => void) => listeners.add(listener),
    off: (_: 'error', listener: (error: unknown) => void) => listeners.delete(listener),
    query: (text: string, values?: string[]) => query(reserved, text, values),
    // Its own asks for a second connection, which there is not.
    notify: async (channel: string, payload: unknown) =>
      reserved.unsafe('select pg_notify($1, $2)', [channel, String(payload)]),
    release(destroy = false) {
      listeners.clear()
      if (!session.isClosed && !destroy) unreserve()
      giveBack(pool, session, destroy)
    },
  })
}

async function query(
  reserved: ReservedPostgresJs,
  text: string,
  values: string[] | undefined,
): Promise<PostgresResult> {
  // A statement is prepared only where the instance may: not with `prepare: false`, for PgBouncer.
  const result = await (values === undefined
    ? reserved.unsafe(text)
    : reserved.unsafe(text, values, { prepare: true }))
  const { command } = result
  if (command !== undefined) return { rows: result, command }
  const last = Object(result.at(-1))
  return { rows: last, command: last.command }
}
