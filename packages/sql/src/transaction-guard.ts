import { isRecord } from '@hongbao/core/internal'
import { endsTransaction } from './control.ts'
import { sqlError, type SqlInboxErrorCode } from './errors.ts'

/** The methods of a connection that must not be called at any time. */
export interface GuardedMethods {
  /** Send statements, which is refused when the handlers have resolved. */
  readonly sending: ReadonlySet<PropertyKey>
  /** Would end the transaction, which is refused. */
  readonly ending: ReadonlySet<PropertyKey>
  /** Would give the connection back, which does nothing: the inbox does so. */
  readonly leaving: ReadonlySet<PropertyKey>
  /** Are or return another object that sends on the connection. */
  readonly lending: ReadonlySet<PropertyKey>
}

/**
 * Lends work the connection itself, behind a proxy that does not let handlers end the transaction or
 * keep on using it: a handler that runs on would write into the transaction of the next event. For
 * drivers of MySQL whose connections do not refuse that by themselves.
 */
export async function lendGuarded<Connection extends object>(
  connection: Connection,
  methods: GuardedMethods,
  work: (tx: Connection) => Promise<void>,
): Promise<void> {
  const { sending, ending, leaving, lending } = methods
  let isOver = false

  function guard<Target extends object>(target: Target): Target {
    return new Proxy(target, {
      get(_, name) {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return lend(name, value)
        return (...args: unknown[]): unknown => {
          if (leaving.has(name)) return undefined
          const code = refusalOf(name, args)
          return code === undefined
            ? lend(name, Reflect.apply(value, target, args))
            : refuse(code, args)
        }
      },
    })
  }

  function lend(name: PropertyKey, value: unknown): unknown {
    if (!lending.has(name) || !isRecord(value)) return value
    // Not by `instanceof Promise`: an app may have replaced the global class.
    return 'then' in value ? Promise.resolve(value).then((lent) => lend(name, lent)) : guard(value)
  }

  function refusalOf(name: PropertyKey, [statement]: unknown[]): SqlInboxErrorCode | undefined {
    if (ending.has(name)) return 'sql-transaction-control'
    if (!sending.has(name)) return undefined
    if (isOver) return 'sql-transaction-over'
    const sql = isRecord(statement) ? statement['sql'] : statement
    return typeof sql === 'string' && endsTransaction('mysql', sql)
      ? 'sql-transaction-control'
      : undefined
  }

  try {
    await work(guard(connection))
  } finally {
    isOver = true
  }
}

/** As the method itself would fail: to its callback, if it was called with one. */
function refuse(code: SqlInboxErrorCode, args: readonly unknown[]): unknown {
  const callback = args.at(-1)
  if (typeof callback !== 'function') return Promise.reject(sqlError(code))
  process.nextTick(callback, sqlError(code))
  return undefined
}
