import { MAX_TIMEOUT_MS, must, optional, whole, type Reader } from '@hongbao/core/internal'
import { endsTransaction } from './control.ts'
import { readDialect, type SqlDialect } from './dialect.ts'
import { sqlError } from './errors.ts'
import { readOwnOptions, type SqlInboxCommonOptions } from './options.ts'
import { sqlInbox, type SqlInbox } from './sql-inbox.ts'
import { isSelect } from './statements.ts'

/** What the inbox uses of a client of Prisma, and of the client inside a transaction. */
export interface PrismaQueries {
  $queryRawUnsafe(sql: string, ...values: string[]): PromiseLike<unknown>
  $executeRawUnsafe(sql: string, ...values: string[]): PromiseLike<unknown>
}

/** A client of Prisma; `Tx` is its client inside a transaction. */
export interface PrismaClientLike<Tx> extends PrismaQueries {
  $transaction(
    run: (tx: Tx) => Promise<void>,
    options?: { maxWait?: number; timeout?: number },
  ): Promise<unknown>
  readonly $extends: unknown
}

/** Options of {@link prismaInbox}. */
export interface PrismaInboxOptions<Tx extends PrismaQueries> extends SqlInboxCommonOptions {
  /** The client that your app uses, of Prisma 7. */
  readonly prisma: PrismaClientLike<Tx>
  /** The SQL of the database. */
  readonly dialect: SqlDialect
  /**
   * After which time Prisma rolls a transaction back, in milliseconds: longer than `handlerTimeoutMs`
   * of the receiver. Default: 60,000. Prisma's own default, 5 s, is as short as that of a handler.
   */
  readonly transactionTimeoutMs?: number | undefined
  /** How long an event waits for a connection of the pool, in milliseconds. Default: 2,000. */
  readonly maxWaitMs?: number | undefined
}

/**
 * An inbox in the transactions of Prisma; `context.tx` is the client inside the transaction.
 *
 * @throws OptionError for a wrong option
 */
export function prismaInbox<Tx extends PrismaQueries>(
  options: PrismaInboxOptions<Tx>,
): SqlInbox<Tx> {
  const { own, common } = readOwnOptions('`prismaInbox`', options, {
    prisma: readPrisma<Tx>,
    dialect: readDialect,
    transactionTimeoutMs: optional(whole(1, MAX_TIMEOUT_MS), 60_000),
    maxWaitMs: optional(whole(1, MAX_TIMEOUT_MS), 2000),
  })
  const { prisma, dialect, transactionTimeoutMs: timeout, maxWaitMs: maxWait } = own
  return sqlInbox<Tx>({
    ...common,
    dialect,
    query: async (sql, values, tx) =>
      isSelect(sql)
        ? await (tx ?? prisma).$queryRawUnsafe(sql, ...values)
        : await (tx ?? prisma).$executeRawUnsafe(sql, ...values),
    transaction: (run) => inTransaction(prisma, dialect, { timeout, maxWait }, run),
  })
}

/** What happens in the transaction of one event. */
interface Open {
  readonly dialect: SqlDialect
  /** Statements and nested transactions that have not ended. */
  readonly running: Set<Promise<unknown>>
  /** Why nothing may begin any more: the handlers have ended, or the server has rolled back. */
  end: 'sql-transaction-over' | 'sql-transaction-left' | undefined
}

/**
 * Lets nothing begin any more when the handlers have ended, and waits for what they have left running: a
 * statement that Prisma 7.10 sends while ROLLBACK runs is committed by itself on MySQL, and with a nested
 * transaction that is just beginning, it commits the outer one although that rejects.
 */
async function inTransaction<Tx extends PrismaQueries>(
  prisma: PrismaClientLike<Tx>,
  dialect: SqlDialect,
  limits: Limits,
  run: (tx: Tx) => Promise<void>,
): Promise<void> {
  const open: Open = { dialect, running: new Set(), end: undefined }
  await watchStatements(prisma, open).$transaction(async (tx) => {
    try {
      await run(watchNested(tx, open))
      if (open.running.size > 0) throw sqlError('sql-transaction-over')
    } finally {
      open.end ??= 'sql-transaction-over'
      await Promise.allSettled(open.running)
    }
  }, limits)
}

interface Limits {
  readonly timeout: number
  readonly maxWait: number
}

/** A client whose statements are watched, by an extension of Prisma that sees each of them. */
function watchStatements<Tx>(prisma: PrismaClientLike<Tx>, open: Open): PrismaClientLike<Tx> {
  const $allOperations: Operation = ({ args, query }) =>
    watch(open, () => runStatement(open, args, query))
  const client: object = prisma
  const extend: Extend<Tx> = Reflect.get(client, '$extends')
  return extend.call(client, { query: { $allOperations } })
}

type Extend<Tx> = (extension: { query: { $allOperations: Operation } }) => PrismaClientLike<Tx>

type Operation = (called: {
  readonly args: unknown
  readonly query: (args: unknown) => Promise<unknown>
}) => Promise<unknown>

async function runStatement(
  open: Open,
  args: unknown,
  query: (args: unknown) => Promise<unknown>,
): Promise<unknown> {
  try {
    return await query(args)
  } catch (error) {
    if (endedOnServer(open.dialect, error)) open.end ??= 'sql-transaction-left'
    throw error
  }
}

/**
 * Whether the server has rolled back the whole transaction: what follows would be committed by itself.
 * `P2034` is a deadlock of a model's operation; the error of a raw statement has the number of MySQL, 1213,
 * and MariaDB's 1020 is a changed row.
 */
function endedOnServer(dialect: SqlDialect, error: unknown): boolean {
  const { code, meta, cause } = Object(error)
  const { originalCode } = Object(cause ?? Object(meta?.driverAdapterError).cause)
  return dialect === 'mysql' && (code === 'P2034' || ['1213', '1020'].includes(originalCode))
}

async function watch<Value>(open: Open, begin: () => Promise<Value>): Promise<Value> {
  if (open.end !== undefined) throw sqlError(open.end)
  const running = begin()
  open.running.add(running)
  return await running.finally(() => open.running.delete(running))
}

type Begin = (...args: unknown[]) => Promise<unknown>

/**
 * The client inside a transaction, and in it those of nested ones, with their `$transaction` watched, and
 * without statements that end the transaction.
 */
function watchNested<Tx extends object>(tx: Tx, open: Open): Tx {
  const client: object = tx

  function begin(work: unknown, ...options: unknown[]): Promise<unknown> {
    const watched =
      typeof work === 'function' ? (inner: object) => work(watchNested(inner, open)) : work
    const method: Begin = Reflect.get(client, '$transaction')
    return watch(open, () => method.call(client, watched, ...options))
  }

  return new Proxy(tx, {
    get(target, name) {
      if (name === '$transaction') return begin
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function' || !RAW.has(name)) return value
      return (...args: unknown[]): unknown =>
        endsTransaction(open.dialect, textOf(args[0]))
          ? Promise.reject(sqlError('sql-transaction-control'))
          : Reflect.apply(value, target, args)
    },
  })
}

const RAW: ReadonlySet<PropertyKey> = new Set([
  '$executeRaw',
  '$executeRawUnsafe',
  '$queryRaw',
  '$queryRawUnsafe',
])

/** A text, the parts of a template, or `Prisma.sql`, which has them as `strings`. */
function textOf(statement: unknown): string {
  if (typeof statement === 'string') return statement
  const parts: unknown = Array.isArray(statement) ? statement : Object(statement).strings
  return Array.isArray(parts) ? parts.join('?') : ''
}

const isClient: Reader<Pick<PrismaClientLike<unknown>, '$transaction' | '$extends'>> = must(
  'a client of Prisma',
  (given) => typeof given?.$transaction === 'function' && typeof given.$extends === 'function',
)

function readPrisma<Tx>(prisma: PrismaClientLike<Tx>, option: string): PrismaClientLike<Tx> {
  isClient(prisma, option)
  return prisma
}
