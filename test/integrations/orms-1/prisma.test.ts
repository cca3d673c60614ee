import { prismaInbox } from '@hongbao/sql/prisma'
import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import { PrismaPg } from '@prisma/adapter-pg'
import { rmSync } from 'node:fs'
import { afterAll } from 'vitest'
import { generateClient, type Prisma, type PrismaTx } from './prisma-client.ts'
import { describeOrm, type OrmHost } from './suite.ts'

const SCHEMA = `generator client {
  provider = "prisma-client"
  output   = "./generated"
}
datasource db {
  provider = "PROVIDER"
}
model Order {
  orderNo String @id @map("order_no")
  status  String
  @@map("orders")
}
`
const mysql = await generateClient(SCHEMA.replace('PROVIDER', 'mysql'))
const postgres = await generateClient(SCHEMA.replace('PROVIDER', 'postgresql'))

afterAll(() => {
  for (const { folder } of [mysql, postgres]) rmSync(folder, { recursive: true, force: true })
})

function hostOf(
  name: string,
  dialect: 'mysql' | 'postgres',
  open: (url: string, connections: number) => Prisma,
): OrmHost<PrismaTx> {
  return {
    name,
    dialect,
    connect(url, connections = 10) {
      const prisma = open(url, connections)
      return {
        open: (options) => prismaInbox({ ...options, prisma, dialect }),
        run: (tx, sql) =>
          sql.startsWith('select') ? tx.$queryRawUnsafe(sql) : tx.$executeRawUnsafe(sql),
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

const hosts = [
  hostOf('prismaInbox on MariaDB', 'mysql', (url, connectionLimit) => {
    const { hostname: host, port, username: user, pathname } = new URL(url)
    const adapter = new PrismaMariaDb({
      host,
      port: Number(port),
      user,
      database: pathname.slice(1),
      connectionLimit,
    })
    return new mysql.PrismaClient({ adapter })
  }),
  hostOf('prismaInbox on Postgres', 'postgres', (connectionString, max) => {
    return new postgres.PrismaClient({ adapter: new PrismaPg({ connectionString, max }) })
  }),
]

for (const host of hosts) describeOrm(host)
