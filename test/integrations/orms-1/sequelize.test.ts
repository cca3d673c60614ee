import { sequelizeInbox } from '@hongbao/sql/sequelize'
import type { Options, Transaction } from 'sequelize'
import { describe, expect, it } from 'vitest'
import { PATIENCE_MS } from '../../patience.ts'
import { openSequelize } from './sequelize-app.ts'
import {
  describeChangedRow,
  describeDeadlock,
  describeLateFailures,
  describeOrm,
  expectOneTransaction,
  openOrm,
  type OrmHost,
} from './suite.ts'

function hostOf(
  name: string,
  dialect: 'mysql' | 'postgres',
  optionsOf: (url: string) => Options = () => ({}),
): OrmHost<Transaction> {
  return {
    name,
    dialect,
    connect(url, connections = 10) {
      // A hundred events wait for ten connections, on a busy machine.
      const pool = { max: connections, acquire: PATIENCE_MS }
      const options: Options = { logging: false, pool, ...optionsOf(url) }
      const { sequelize, create } = openSequelize(url, options)
      return {
        open: (common) => sequelizeInbox({ ...common, sequelize }),
        run: async (tx, sql) => (await sequelize.query(sql, { transaction: tx }))[0],
        create: (tx, orderNo) => create(orderNo, tx),
        createOutside: (orderNo) => create(orderNo),
        createNested: (tx, orderNo) =>
          sequelize.transaction({ transaction: tx }, (nested) => create(orderNo, nested)),
        close: () => sequelize.close(),
      }
    },
  }
}

const mariadb = hostOf('sequelizeInbox on MariaDB', 'mysql')
const postgres = hostOf('sequelizeInbox on Postgres', 'postgres')

describeOrm(mariadb)
describeOrm(postgres)
describeLateFailures(mariadb)
describeLateFailures(postgres)
describeDeadlock(mariadb)
describeChangedRow(mariadb)

describe.each([mariadb, postgres])('a handler of $name', (host) => {
  it('is refused tx.commit(), and statements that end it, and stays in the transaction [E82]', async () => {
    await expectOneTransaction(host, async (tx, orm) => {
      await expect(tx.commit()).rejects.toMatchObject({ code: 'sql-transaction-control' })
      const sent = orm.run(tx, host.dialect === 'mysql' ? 'truncate orders' : 'commit')
      await expect(sent).rejects.toMatchObject({ original: { code: 'sql-transaction-control' } })
    })
  })
})

describe.each(['mysql', 'postgres'] as const)('sequelizeInbox on %s', (dialect) => {
  it('uses the master only, with a replica that lags for ever: it has no tables', async () => {
    const orm = await openOrm(
      hostOf('replicated', dialect, (url) => {
        const { hostname: host, port, username, pathname } = new URL(url)
        const database = pathname.slice(1)
        const write = { host, port, username, database }
        const replica = dialect === 'mysql' ? 'mysql' : 'template1'
        return { dialect, replication: { write, read: [{ ...write, database: replica }] } }
      }),
    )
    await orm.inbox.ready()
    expect(await orm.inbox.admit('1', async ({ tx }) => void (await orm.create(tx, '1')))).toBe(
      'applied',
    )
    expect(await orm.inbox.admit('1', async () => {})).toBe('duplicate')
    expect(await orm.inbox.cleanUp()).toBe(0)
    await orm.close()
  })
})
