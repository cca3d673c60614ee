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
    transaction: (run) =>
      prisma.$transaction((tx) => withNested(tx, dialect, run), { timeout, maxWait }),
  })
}

/**
 * Waits for the nested transactions that the handlers have left running, and lets them begin no more: with
 * one that is just beginning, Prisma 7.10 commits a transaction although its function rejects.
 */
async function withNested<Tx extends PrismaQueries>(
  tx: Tx,
  dialect: SqlDialect,
  run: (tx: Tx) => Promise<void>,
): Promise<void> {
  const nested: Nested = { dialect, running: new Set(), isOver: false }
  try {
    await run(watchNested(tx, nested))
    if (nested.running.size > 0) throw sqlError('sql-transaction-over')
  } finally {
    nested.isOver = true
    await Promise.allSettled(nested.running)
  }
}

type Begin = (...args: unknown[]) => Promise<unknown>

interface Nested {
  readonly dialect: SqlDialect
  readonly running: Set<Promise<unknown>>
  isOver: boolean
}

/**
 * The client inside a transaction, and in it those of nested ones, with their `$transaction` watched, and
 * without statements that end the transaction.
 */
function watchNested<Tx extends object>(tx: Tx, nested: Nested): Tx {
  const client: object = tx

  async function begin(work: unknown, ...options: unknown[]): Promise<unknown> {
    if (nested.isOver) throw sqlError('sql-transaction-over')
    const watched =
      typeof work === 'function' ? (inner: object) => work(watchNested(inner, nested)) : work
    const method: Begin = Reflect.get(client, '$transaction')
    const running = method.call(client, watched, ...options)
    nested.running.add(running)
    return await running.finally(() => nested.running.delete(running))
  }

  return new Proxy(tx, {
    get(target, name) {
      if (name === '$transaction') return begin
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function' || !RAW.has(name)) return value
      return (...args: unknown[]): unknown =>
        endsTransaction(nested.dialect, textOf(args[0]))
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

const isClient: Reader<PrismaQueries & { readonly $transaction: unknown }> = must(
  'a client of Prisma',
  (given) =>
    typeof given?.$transaction === 'function' && typeof given.$queryRawUnsafe === 'function',
)

function readPrisma<Tx>(prisma: PrismaClientLike<Tx>, option: string): PrismaClientLike<Tx> {
  isClient(prisma, option)
  return prisma
}
