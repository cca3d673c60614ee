import { createWebhooks, type Inbox } from '@hongbao/core'
import { Pool, type PoolClient } from 'pg'
import postgres, { type ReservedSql } from 'postgres'
import { describe, expectTypeOf, it } from 'vitest'
import { postgresInbox, type PgContext, type PostgresClient } from '../src/index.ts'
import { postgresJsPool } from '../src/postgres-js.ts'

const publicKey = 'a key'

describe('context.tx', () => {
  it('is the client of the pool, for handlers too', () => {
    const inbox = postgresInbox({ pool: new Pool(), consumer: 'orders' })
    createWebhooks({ publicKey, inbox }).on('red_envelope.sent', async (_, { tx, signal }) => {
      expectTypeOf(tx).toEqualTypeOf<PoolClient>()
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
      const { rows } = await tx.query<{ paid: number }>('select paid from orders')
      expectTypeOf(rows).toEqualTypeOf<{ paid: number }[]>()
    })
  })

  it('is a tagged template with `postgres`', () => {
    const inbox = postgresInbox({
      pool: postgresJsPool(() => postgres({ max: 1, fetch_types: false })),
      consumer: 'orders',
    })
    createWebhooks({ publicKey, inbox }).on('red_envelope.sent', async (_, { tx }) => {
      expectTypeOf(tx).toExtend<ReservedSql>()
      await tx<{ paid: number }[]>`select paid from orders`
    })
  })

  it('is the client that a custom pool lends', () => {
    interface Traced extends PostgresClient {
      readonly traceId: string
    }
    const pool = { connect: (): Promise<Traced> => Promise.reject(new Error('not run')) }
    void postgresInbox({ pool, consumer: 'orders' }).admit('key', async ({ tx }) => {
      expectTypeOf(tx).toEqualTypeOf<Traced>()
    })
  })
})

describe('the inbox', () => {
  it('is one for handlers that name their context', () => {
    const inbox = postgresInbox({ pool: new Pool(), consumer: 'orders' })
    expectTypeOf(inbox).toExtend<Inbox<PgContext<PoolClient>>>()
    expectTypeOf(inbox).toExtend<Inbox<PgContext>>()
  })

  it('warns with an error and its code', () => {
    postgresInbox({
      pool: new Pool(),
      consumer: 'orders',
      onWarning(error, about) {
        expectTypeOf(error).toEqualTypeOf<Error>()
        expectTypeOf(about.code).toEqualTypeOf<'postgres-clean-up-failed'>()
        expectTypeOf(about.key).toEqualTypeOf<string | undefined>()
      },
    })
  })
})

describe('the options', () => {
  it('are checked by the compiler', () => {
    const pool = new Pool()
    // @ts-expect-error -- no pool
    postgresInbox({ consumer: 'orders' })
    // @ts-expect-error -- no consumer
    postgresInbox({ pool })
    const client = { query: () => Promise.resolve({ rows: [], command: '' }) }
    // @ts-expect-error -- a client is no pool
    postgresInbox({ pool: client, consumer: 'orders' })
    // @ts-expect-error -- no isolation of Postgres
    postgresInbox({ pool, consumer: 'orders', isolation: 'snapshot' })
    // @ts-expect-error -- misspelt
    postgresInbox({ pool, consumer: 'orders', retentionSecond: 1 })
  })
})
