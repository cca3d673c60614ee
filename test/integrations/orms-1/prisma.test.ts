import { prismaInbox, type PrismaInboxOptions } from '@hongbao/sql/prisma'
import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import { PrismaPg } from '@prisma/adapter-pg'
import { describe, expect, it } from 'vitest'
import { PATIENCE_MS } from '../../patience.ts'
import { createFolder } from './folders.ts'
import { generateClient, type Prisma, type PrismaTx } from './prisma-client.ts'
import {
  describeChangedRow,
  describeDeadlock,
  describeLateFailures,
  describeOrm,
  expectOneTransaction,
  openOrm,
  type OrmHost,
} from './suite.ts'

const mysql = await generateClient(createFolder(), 'mysql')
const postgres = await generateClient(createFolder(), 'postgresql')

type Limits = Pick<PrismaInboxOptions<PrismaTx>, 'transactionTimeoutMs'>

function hostOf(
  name: string,
  dialect: 'mysql' | 'postgres',
  open: (url: string, connections: number) => Prisma,
  limits: Limits = {},
): OrmHost<PrismaTx> {
  return {
    name,
    dialect,
    connect(url, connections = 10) {
      const prisma = open(url, connections)
      return {
        // A hundred events wait for ten connections, on a busy machine.
        open: (options) =>
          prismaInbox({ ...options, maxWaitMs: PATIENCE_MS, ...limits, prisma, dialect }),
        run: async (tx, sql) =>
          await (sql.startsWith('select') ? tx.$queryRawUnsafe(sql) : tx.$executeRawUnsafe(sql)),
        create: (tx, orderNo) => tx.order.create({ data: { orderNo, status: 'sent' } }),
        createOutside: (orderNo) => prisma.order.create({ data: { orderNo, status: 'sent' } }),
        createNested: (tx, orderNo) =>
          tx.$transaction(async (nested) => {
            await nested.order.create({ data: { orderNo, status: 'sent' } })
          }),
        close: () => prisma.$disconnect(),
      }
    },
  }
}

const mariadbHost = hostOf('prismaInbox on MariaDB', 'mysql', (url, connectionLimit) => {
  const { hostname: host, port, username: user, pathname } = new URL(url)
  const adapter = new PrismaMariaDb({
    host,
    port: Number(port),
    user,
    database: pathname.slice(1),
    connectionLimit,
    // As long as `maxWaitMs`, in place of 10 s.
    acquireTimeout: PATIENCE_MS,
  })
  return new mysql.PrismaClient({ adapter })
})

const postgresHost = (limits?: Limits): OrmHost<PrismaTx> =>
  hostOf(
    'prismaInbox on Postgres',
    'postgres',
    (connectionString, max) =>
      new postgres.PrismaClient({ adapter: new PrismaPg({ connectionString, max }) }),
    limits,
  )

describeOrm(mariadbHost)
describeOrm(postgresHost())
describeLateFailures(mariadbHost)
describeLateFailures(postgresHost())
describeDeadlock(mariadbHost)
describeChangedRow(mariadbHost)

describe.each([mariadbHost, postgresHost()])('a handler of $name', (host) => {
  it.each<[string, (tx: PrismaTx) => PromiseLike<unknown>]>([
    ['$executeRaw', (tx) => tx.$executeRaw`commit`],
    ['$executeRawUnsafe', (tx) => tx.$executeRawUnsafe('/* done */ commit')],
    ['$queryRaw', (tx) => tx.$queryRaw`rollback`],
    ['$queryRawUnsafe', (tx) => tx.$queryRawUnsafe('commit')],
    [
      '$transaction',
      (tx) => tx.$transaction(async (nested) => void (await nested.$executeRawUnsafe('commit'))),
    ],
  ])('cannot end its transaction by %s, and stays in it [E82]', async (_, end) => {
    await expectOneTransaction(host, async (tx) => {
      await expect(end(tx)).rejects.toMatchObject({ code: 'sql-transaction-control' })
    })
  })
})

describe('the transaction of prismaInbox', () => {
  it('may take longer than the 5 s of Prisma, but not longer than transactionTimeoutMs', async () => {
    const orm = await openOrm(postgresHost({ transactionTimeoutMs: 300 }))
    const admission = orm.inbox.admit('slow', async ({ tx }) => {
      await orm.create(tx, 'slow')
      await expect
        .poll(() => tx.$queryRawUnsafe('select 1').then(String, (error: unknown) => error))
        .toMatchObject({ code: 'P2028' })
    })
    await expect(admission).rejects.toMatchObject({ code: 'sql-transaction-left' })
    expect(await orm.countOrders('slow')).toBe(0)
    expect(await orm.inbox.admit('slow', async () => {})).toBe('applied')
    await orm.close()
  })

  it.each([
    ['prisma', { prisma: {} }],
    ['dialect', { dialect: 'oracle' }],
    ['transactionTimeoutMs', { transactionTimeoutMs: 0 }],
    ['maxWaitMs', { maxWaitMs: '2s' }],
  ])('refuses a wrong option: %s', (option, wrong) => {
    const prisma = { $transaction() {}, $extends() {} }
    const options = { prisma, dialect: 'mysql', consumer: 'orders', ...wrong } as never
    expect(() => prismaInbox(options)).toThrow(
      expect.objectContaining({
        name: 'OptionError',
        message: expect.stringContaining(`\`${option}\``) as string,
      }),
    )
  })
})
