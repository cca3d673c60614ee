import { createWebhooks, type Inbox } from '@hongbao/core'
import { createPool, type PoolConnection } from 'mysql2/promise'
import { Pool, type PoolClient } from 'pg'
import { describe, expectTypeOf, it } from 'vitest'
import { sqlInbox, type SqlContext, type SqlInboxOptions } from '../src/index.ts'
import { mysql2Inbox } from '../src/mysql2.ts'

const publicKey = 'a key'
const pool = new Pool()
const options = {
  consumer: 'orders',
  dialect: 'postgres',
  query: (sql: string, values: string[], tx?: PoolClient) => (tx ?? pool).query(sql, values),
} as const

describe('context.tx', () => {
  it('is the transaction that `query` takes', () => {
    const inbox = sqlInbox({
      consumer: 'orders',
      dialect: 'postgres',
      query: async (sql, values, tx?: PoolClient) => (await (tx ?? pool).query(sql, values)).rows,
      transaction: async (run) => {
        expectTypeOf(run).toEqualTypeOf<(tx: PoolClient) => Promise<void>>()
      },
    })
    expectTypeOf(inbox).toExtend<Inbox<SqlContext<PoolClient>>>()
    createWebhooks({ publicKey, inbox }).on('red_envelope.sent', async (_, { tx, signal }) => {
      expectTypeOf(tx).toEqualTypeOf<PoolClient>()
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
    })
  })

  it('is a PoolConnection of mysql2/promise', () => {
    const inbox = mysql2Inbox({ pool: createPool('mysql://'), consumer: 'orders' })
    createWebhooks({ publicKey, inbox }).on('red_envelope.sent', async (_, { tx }) => {
      expectTypeOf(tx).toEqualTypeOf<PoolConnection>()
    })
  })
})

describe('the inbox', () => {
  it('warns with an error and its code', () => {
    mysql2Inbox({
      pool: createPool('mysql://'),
      consumer: 'orders',
      onWarning(error, about) {
        expectTypeOf(error).toEqualTypeOf<Error>()
        expectTypeOf(about.code).toEqualTypeOf<'sql-clean-up-failed'>()
      },
    })
  })
})

describe('the options', () => {
  it('are checked by the compiler', () => {
    const transaction: SqlInboxOptions<PoolClient>['transaction'] = async () => {}
    sqlInbox({ ...options, transaction })
    // @ts-expect-error -- no transaction
    sqlInbox({ ...options })
    // @ts-expect-error -- no such SQL
    sqlInbox({ ...options, transaction, dialect: 'oracle' })
    // @ts-expect-error -- misspelt
    sqlInbox({ ...options, transaction, retentionSecond: 1 })
    // @ts-expect-error -- no pool
    mysql2Inbox({ consumer: 'orders' })
    // @ts-expect-error -- a pool of pg
    mysql2Inbox({ consumer: 'orders', pool })
  })
})
