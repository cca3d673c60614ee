import { mysql2Inbox } from '@hongbao/sql/mysql2'
import { createPool, type Pool, type PoolConnection } from 'mysql2/promise'
import type { Failpoints } from '../failpoints.ts'
import { createReceiver, effectHandler, failsNow, watch } from '../fixture.ts'
import type { Store } from '../store.ts'
import { override } from './postgres.ts'

/** The inbox on MariaDB, with the effect in its transaction. */
export const mysql2Store: Store = {
  async prepare({ mariadbUrl }) {
    const pool = createPool(mariadbUrl)
    await mysql2Inbox({ pool, consumer: 'orders' }).ensureSchema()
    await pool.end()
  },
  open(fixture) {
    const { setup, points, random } = fixture
    const pool = createPool({ uri: setup.mariadbUrl, connectionLimit: 10 })
    const inbox = watch(
      mysql2Inbox({
        pool: withCommitPoints(pool, points),
        consumer: 'orders',
        cleanUpEverySeconds: 1,
      }),
      fixture,
    )
    const handler = effectHandler<{ readonly tx: PoolConnection }>(
      fixture,
      async ({ tx }, [key, process]) => {
        await tx.query('insert into effects (`key`, process) values (?, ?)', [key, process])
        // What it has written is undone: it is in the transaction of the event.
        if (failsNow(random)) throw new Error('The handler failed behind its effect, on purpose.')
      },
    )
    return Promise.resolve(createReceiver(fixture, { inbox }).on('*', handler))
  },
}

/** A pool whose connections pass the points around COMMIT. */
function withCommitPoints(pool: Pool, points: Failpoints): Pool {
  return override(pool, 'getConnection', async function getConnection() {
    const connection = await pool.getConnection()
    return override(connection, 'query', async function query(sql: string, values?: unknown[]) {
      if (sql !== 'commit') return connection.query(sql, values)
      points.pass('before-commit')
      // It is on its way to the server when this has returned.
      const result = connection.query(sql)
      points.pass('during-commit')
      const settled = await result
      points.pass('after-commit')
      return settled
    })
  })
}
