import { prismaInbox } from '@hongbao/sql/prisma'
import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Failpoints } from '../../crash/failpoints.ts'
import { createReceiver, effectHandler, failsNow, watch } from '../../crash/fixture.ts'
import type { Store } from '../../crash/store.ts'
import { override } from '../../crash/stores/postgres.ts'
import { generateClient, loadClient, type Prisma, type PrismaTx } from './prisma-client.ts'

/** Where the processes of a trial find the client: each of them starts many times. */
const FOLDER = join(import.meta.dirname, '.app-crash')

/** The inbox in Prisma's transactions on MariaDB, with the effect in them. */
export const prismaStore: Store = {
  async prepare({ mariadbUrl }) {
    mkdirSync(FOLDER, { recursive: true })
    await generateClient(FOLDER, 'mysql')
    const prisma = await connect(mariadbUrl, 2)
    await prismaInbox({ prisma, dialect: 'mysql', consumer: 'orders' }).ensureSchema()
    await prisma.$disconnect()
  },
  async open(fixture) {
    const { setup, points, random } = fixture
    // When MariaDB restarts, Prisma 7.10 on mariadb 3.4 now and then leaves a rejection unhandled; see docs/orm-prisma.md.
    process.on('unhandledRejection', () => {})
    const prisma = await connect(setup.mariadbUrl, 10, points)
    const inbox = watch(
      prismaInbox({ prisma, dialect: 'mysql', consumer: 'orders', cleanUpEverySeconds: 1 }),
      fixture,
    )
    const handler = effectHandler<{ readonly tx: PrismaTx }>(
      fixture,
      async ({ tx }, [key, process]) => {
        await tx.$executeRawUnsafe(
          'insert into effects (`key`, process) values (?, ?)',
          key,
          String(process),
        )
        // What it has written is undone: it is in the transaction of the event.
        if (failsNow(random)) throw new Error('The handler failed behind its effect, on purpose.')
      },
    )
    return createReceiver(fixture, { inbox }).on('*', handler)
  },
}

async function connect(url: string, connectionLimit: number, points?: Failpoints): Promise<Prisma> {
  const { hostname: host, port, username: user, pathname } = new URL(url)
  const database = pathname.slice(1)
  const adapter = new PrismaMariaDb({ host, port: Number(port), user, database, connectionLimit })
  const { PrismaClient } = await loadClient(FOLDER)
  return new PrismaClient({
    adapter: points === undefined ? adapter : withCommitPoints(adapter, points),
  })
}

/** An adapter whose transactions pass the points around COMMIT. */
function withCommitPoints(factory: PrismaMariaDb, points: Failpoints): PrismaMariaDb {
  return override(factory, 'connect', async function connectWithPoints() {
    const adapter = await factory.connect()
    return override(adapter, 'startTransaction', async function startTransaction(...args: Begin) {
      const transaction = await adapter.startTransaction(...args)
      return override(transaction, 'commit', async function commit() {
        points.pass('before-commit')
        const result = transaction.commit()
        points.pass('during-commit')
        await result
        points.pass('after-commit')
      })
    })
  })
}

type Begin = Parameters<Awaited<ReturnType<PrismaMariaDb['connect']>>['startTransaction']>
