import type { PostgresClient } from '../client.ts'
import { postgresError, type PostgresFailure, type PostgresInboxErrorCode } from '../errors.ts'
import { guardFile, guardLazy } from './lazy-statement.ts'
import { controlsTransaction } from './transaction-control.ts'

/** What handlers get as `tx`: the client, without the power over its transaction. */
export interface Lent<Client extends PostgresClient> {
  readonly tx: Client
  /** From now on `tx` refuses everything, with this code. */
  end(code: PostgresInboxErrorCode, cause?: unknown): void
}

/**
 * Methods that run statements → the SQL in their first argument. `unsafe`, `file` and `notify` are
 * those of postgres; the last two take a path and a channel.
 */
const STATEMENTS: ReadonlyMap<PropertyKey, (first: unknown) => unknown> = new Map([
  ['query', sqlOf],
  ['unsafe', sqlOf],
  ['file', () => undefined],
  ['notify', () => undefined],
])
/** Methods that are for whoever borrowed the connection. */
const OWNERS: ReadonlySet<PropertyKey> = new Set(['connect', 'end'])

/**
 * Lends a client to handlers. It is the client itself behind a thin wall, so that whatever takes one
 * takes `tx` too: query builders, cursors, COPY streams, tagged templates.
 *
 * The wall stops what ends the transaction by mistake. What it cannot see is found out: before COMMIT,
 * Postgres is asked whether the transaction is still the same.
 */
export function lend<Client extends PostgresClient>(client: Client): Lent<Client> {
  let over: { readonly code: PostgresInboxErrorCode; readonly cause: unknown } | undefined

  /** Made when it is needed, so that its stack says who used what was over. */
  function refusal(sql?: unknown): PostgresFailure | undefined {
    if (over !== undefined) return postgresError(over.code, { cause: over.cause })
    return typeof sql === 'string' && controlsTransaction(sql)
      ? postgresError('postgres-transaction-control')
      : undefined
  }

  const tx = new Proxy(client, {
    get(target, name) {
      // Query builders give back what they were lent; the inbox does that when all is done.
      if (name === 'release') return () => {}
      if (OWNERS.has(name)) return refuseOwner
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      const readSql = STATEMENTS.get(name)
      if (readSql === undefined) return typeof target === 'function' ? value : value.bind(target)
      const guard = name === 'file' ? guardFile : guardLazy
      return function guarded(...args: unknown[]): unknown {
        const error = refusal(readSql(args[0]))
        if (error === undefined) return guard(Reflect.apply(value, target, args), refusal)
        if (name === 'query') return refuseQuery(target, args, error)
        throw error
      }
    },
    apply(target, self, args: unknown[]) {
      const error = refusal(templateOf(args[0]))
      if (error !== undefined) throw error
      if (typeof target !== 'function') return undefined
      return guardLazy(Reflect.apply(target, self, args), refusal)
    },
  })

  return {
    tx,
    end(code, cause) {
      over ??= { code, cause }
    },
  }
}

function refuseOwner(): never {
  throw postgresError('postgres-transaction-control')
}

/** What `query` of pg takes beside a text: a statement, or what sends one by itself, as a cursor does. */
interface PgStatement {
  callback?: unknown
  submit?: unknown
  handleError(error: Error, connection: unknown): void
}

/**
 * As pg refuses what a client cannot run (`query` in its lib/client.js): soon, and not by throwing.
 * Told is what was submitted, or the callback; where there is neither, the promise rejects.
 */
function refuseQuery(client: object, [config, ...rest]: unknown[], error: Error): unknown {
  const statement: PgStatement = Object(config)
  const callback = statement.callback ?? rest.find((value) => typeof value === 'function')
  if (typeof statement.submit === 'function') {
    statement.callback = callback
    process.nextTick(() => statement.handleError(error, Reflect.get(client, 'connection')))
    return config
  }
  if (typeof callback !== 'function') return Promise.reject(error)
  process.nextTick(() => void callback(error))
  return undefined
}

/** A text, or the `{ text }` of pg. */
function sqlOf(statement: unknown): unknown {
  return typeof statement === 'string' ? statement : Object(statement).text
}

/** The text of a template; what else a template function takes are names and values. */
function templateOf(strings: unknown): unknown {
  return Array.isArray(strings) && 'raw' in strings ? strings.join('?') : undefined
}
