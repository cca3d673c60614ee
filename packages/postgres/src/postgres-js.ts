import { milliseconds, optional, readSettings, whole, wrong } from '@hongbao/core/internal'
import type { PostgresClient, PostgresPool, PostgresResult } from './client.ts'
import { deadlineIn, expireAt } from './deadline.ts'
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
  const { max, connectionTimeoutMs: timeoutMs } = readSettings('`postgresJsPool`', options, {
    max: optional(whole(1), 10),
    connectionTimeoutMs: optional(milliseconds, 10_000),
  })
  if (typeof open !== 'function' || !isSafe(open())) {
    throw wrong(
      'open',
      'a function like () => postgres(url, { max: 1, fetch_types: false }): one connection each time, which asks for nothing by itself',
    )
  }
  const idle: Session<Reserved>[] = []
  /** Those that were first come first. */
  const waiting = new Set<(session: Session<Reserved>) => void>()
  let size = 0
  let isEnding = false

  async function connect(): Promise<Reserved & PostgresClient> {
    const session = await take()
    try {
      return await session.reserve((destroy) => giveBack(session, destroy))
    } catch (error) {
      giveBack(session, true)
      throw error
    }
  }

  function take(): Session<Reserved> | Promise<Session<Reserved>> {
    const session = idle.pop()
    if (session !== undefined) return session
    if (size < max) return openOne()
    return new Promise((resolve, reject) => {
      const cancel = expireAt(deadlineIn(timeoutMs), () => {
        waiting.delete(give)
        reject(postgresError('postgres-pool-timed-out'))
      })
      waiting.add(give)

      function give(lent: Session<Reserved>): void {
        cancel()
        resolve(lent)
      }
    })
  }

  function openOne(): Session<Reserved> {
    size += 1
    return openSession(open(), (session) => {
      const at = idle.indexOf(session)
      if (at === -1) return
      idle.splice(at, 1)
      size -= 1
    })
  }

  function giveBack(session: Session<Reserved>, destroy: boolean): void {
    const isUsable = !destroy && !session.isClosed()
    if (!isUsable || isEnding) void session.end()
    const [next] = waiting
    if (next !== undefined) waiting.delete(next)
    if (isUsable && !isEnding) {
      if (next === undefined) idle.push(session)
      else next(session)
      return
    }
    size -= 1
    if (next !== undefined) next(openOne())
  }

  async function end(): Promise<void> {
    isEnding = true
    await Promise.all(idle.splice(0).map((session) => session.end()))
  }

  return { options: { max }, connect, end }
}

function isSafe({ options }: PostgresJs): boolean {
  return options?.max === 1 && !options.fetch_types
}

/** An instance of `postgres` with its one connection. */
interface Session<Reserved> {
  isClosed(): boolean
  /** Lends the connection until it is given back by `release`. */
  reserve(giveBack: (destroy: boolean) => void): Promise<Reserved & PostgresClient>
  /** Closes the connection at once. */
  end(): Promise<void>
}

function openSession<Reserved extends ReservedPostgresJs>(
  sql: PostgresJs<Reserved>,
  onClosed: (session: Session<Reserved>) => void,
): Session<Reserved> {
  const listeners = new Set<(error: unknown) => void>()
  const { onclose } = sql.options
  let isOpen = false
  let isClosed = false
  // `postgres` looks for this hook whenever a connection closes.
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- it is an option, and no element of a page
  sql.options.onclose = (id) => {
    isClosed = true
    onClosed(session)
    for (const listener of listeners) listener(new Error('The connection to Postgres was closed.'))
    onclose?.(id)
  }

  const session: Session<Reserved> = {
    isClosed: () => isClosed,
    async reserve(giveBack) {
      // `reserve` never resolves on a connection that has run no other statement.
      if (!isOpen) await sql.unsafe('select 1')
      isOpen = true
      const reserved = await sql.reserve()
      const unreserve = reserved.release.bind(reserved)
      return Object.assign(reserved, {
        // Drizzle looks for them.
        options: sql.options,
        on: (_: 'error', listener: (error: unknown) => void) => listeners.add(listener),
        off: (_: 'error', listener: (error: unknown) => void) => listeners.delete(listener),
        query: (text: string, values?: string[]) => run(reserved, text, values),
        // Its own asks for a second connection, which there is not.
        notify: async (channel: string, payload: unknown) =>
          reserved.unsafe('select pg_notify($1, $2)', [channel, String(payload)]),
        release(destroy = false) {
          listeners.clear()
          if (!isClosed && !destroy) unreserve()
          giveBack(destroy)
        },
      })
    },
    end: () => sql.end({ timeout: 0 }),
  }
  return session
}

async function run(
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
