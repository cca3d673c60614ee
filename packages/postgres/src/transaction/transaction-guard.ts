import type { PostgresClient } from '../client.ts'
import { postgresError, type PostgresFailure, type PostgresInboxErrorCode } from '../errors.ts'
import { guardLazy } from './statement-guard.ts'
import { controlsTransaction } from './transaction-control.ts'

/** The client that handlers get as `tx`, which cannot begin or end a transaction. */
export interface GuardedTransaction<Client extends PostgresClient> {
  readonly tx: Client
  /** From now on `tx` refuses everything, with this code. */
  end(code: PostgresInboxErrorCode, cause?: unknown): void
}

/** Methods that send something. Other functions of postgres send nothing, and some have members. */
const SENDING: ReadonlySet<PropertyKey> = new Set(['query', 'notify', 'unsafe', 'file'])

/**
 * Wraps a client in a transaction guard. `tx` is a proxy of the client, so that query builders,
 * cursors, COPY streams and tagged templates accept it.
 *
 * The guard refuses statements that begin or end a transaction. It does not see statements that are
 * sent without these methods: for those, the inbox checks before COMMIT that the transaction is the
 * same.
 */
export function guardTransaction<Client extends PostgresClient>(
  client: Client,
): GuardedTransaction<Client> {
  let over: { readonly code: PostgresInboxErrorCode; readonly cause: unknown } | undefined

  /** Created when a statement is refused, so that its stack shows the caller. */
  function refusal(sql: unknown): PostgresFailure | undefined {
    if (over !== undefined) return postgresError(over.code, { cause: over.cause })
    return typeof sql === 'string' && controlsTransaction(sql)
      ? postgresError('postgres-transaction-control')
      : undefined
  }

  const tx: Client = new Proxy(client, {
    get(target, name) {
      // Query builders release the client after use; the inbox releases it after COMMIT or ROLLBACK.
      if (name === 'release') return () => {}
      if (name === 'connect' || name === 'end') return refuseOwner
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      if (typeof target === 'function' && !SENDING.has(name)) return value
      return function guarded(...args: unknown[]): unknown {
        // `notify` takes a channel; `unsafe` and `file` return statements that are sent later.
        const sql = name === 'query' ? sqlOf(args[0]) : undefined
        const error = name === 'query' || name === 'notify' ? refusal(sql) : undefined
        if (error !== undefined) return refuseQuery(target, args, error)
        const result: unknown = Reflect.apply(value, target, args)
        // Methods of an emitter return the client itself.
        return result === target ? tx : guardLazy(result, refusal)
      }
    },
    apply(target, self, args) {
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

/** Only the inbox may call these, because it borrowed the connection. */
function refuseOwner(): never {
  throw postgresError('postgres-transaction-control')
}

/** Argument of pg's `query` other than a text: a statement, or an object that submits one, as a cursor. */
interface PgStatement {
  callback?: unknown
  submit?: unknown
  handleError(error: Error, connection: unknown): void
}

/**
 * Refuses as pg does when a client cannot run a statement (`query` in its lib/client.js): on the next
 * tick, without throwing. The error goes to the submitted statement or the callback, else the promise
 * rejects.
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
