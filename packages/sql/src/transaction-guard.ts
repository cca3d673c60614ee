import { sqlError } from './errors.ts'

/** The methods of a connection that must not be called at any time. */
export interface GuardedMethods {
  /** Send statements, which is refused when the transaction is over. */
  readonly sending: ReadonlySet<PropertyKey>
  /** Would end the transaction, which is refused. */
  readonly ending: ReadonlySet<PropertyKey>
  /** Would give the connection back, which does nothing: the inbox does so. */
  readonly leaving: ReadonlySet<PropertyKey>
}

/** A connection while handlers have it. */
export interface GuardedTransaction<Connection> {
  readonly tx: Connection
  /** From now on `tx` sends nothing. */
  end(): void
}

/**
 * The connection itself, behind a proxy that does not let handlers end the transaction or keep on
 * using it: a handler that runs on would write into the transaction of the next event. For drivers
 * whose connections do not refuse that by themselves.
 */
export function guardTransaction<Connection extends object>(
  connection: Connection,
  { sending, ending, leaving }: GuardedMethods,
): GuardedTransaction<Connection> {
  let isOver = false

  function call(name: PropertyKey, method: Function, args: unknown[]): unknown {
    if (leaving.has(name)) return undefined
    if (ending.has(name)) return Promise.reject(sqlError('sql-transaction-control'))
    if (isOver && sending.has(name)) return Promise.reject(sqlError('sql-transaction-over'))
    return Reflect.apply(method, connection, args)
  }

  const tx = new Proxy(connection, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (...args: unknown[]) => call(name, value, args) : value
    },
  })

  return {
    tx,
    end() {
      isOver = true
    },
  }
}
