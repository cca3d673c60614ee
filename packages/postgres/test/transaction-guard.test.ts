import { PassThrough } from 'node:stream'
import { Query, type PoolClient } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { effectOf, openPostgres, type Opened } from './opened.ts'

let opened: Opened

beforeAll(async () => {
  opened = await openPostgres()
})

afterAll(() => opened.close())

describe('tx', () => {
  it('is the client of the pool, with all its methods', async () => {
    const { inbox } = opened.open()
    const notices: unknown[] = []
    await inbox.admit('all', async ({ tx }) => {
      tx.on('notice', (notice) => notices.push(notice.message))
      expect(tx.escapeIdentifier('a"b')).toBe('"a""b"')
      await tx.query(`do $$ begin raise notice '恭喜发财'; end $$`)
      const { rows } = await tx.query({
        text: 'select $1::int as id',
        values: [7],
        rowMode: 'array',
      })
      expect(rows).toEqual([[7]])
    })
    expect(notices).toEqual(['恭喜发财'])
  })

  it('cannot be released or closed by handlers', async () => {
    const { inbox, pool } = opened.open({}, { max: 1 })
    const admission = inbox.admit('given back', async ({ tx }) => {
      tx.release()
      tx.release(true)
      expect(pool.idleCount).toBe(0)
      const { end, connect } = tx as unknown as Record<'end' | 'connect', () => unknown>
      expect(end).toThrow(expect.objectContaining({ code: 'postgres-transaction-control' }))
      expect(connect).toThrow(expect.objectContaining({ code: 'postgres-transaction-control' }))
      await effectOf('given back')({ tx })
    })
    expect(await admission).toBe('applied')
    expect(await opened.countEffects('given back')).toBe(1)
    expect(pool.idleCount).toBe(1)
  })

  it('is what its own methods return, if they return the client', async () => {
    const { inbox, pool } = opened.open({}, { max: 1 })
    await inbox.admit('chained', async ({ tx }) => {
      const chained = tx.once('notice', () => {}).setMaxListeners(20)
      expect(chained).toBe(tx)
      chained.release()
      expect(pool.idleCount).toBe(0)
      await expect(chained.query('commit')).rejects.toMatchObject({
        code: 'postgres-transaction-control',
      })
    })
  })

  it('is closed after the handler has resolved, even if the handler kept it', async () => {
    const { inbox, pool } = opened.open({}, { max: 1 })
    const kept: PoolClient[] = []
    await inbox.admit('kept', async ({ tx }) => {
      kept.push(tx)
      await effectOf('kept')({ tx })
    })
    const over = { name: 'InboxError', code: 'postgres-transaction-over' }
    for (const tx of kept) {
      await expect(effectOf('kept')({ tx })).rejects.toMatchObject(over)
      await expect(tx.query('commit')).rejects.toMatchObject(over)
    }
    await pool.query('select 1')
    expect(await opened.countEffects('kept')).toBe(1)
  })

  it('is closed after the handler has rejected as well', async () => {
    const { inbox } = opened.open()
    const kept: PoolClient[] = []
    const admission = inbox.admit('rejected', async ({ tx }) => {
      kept.push(tx)
      await effectOf('rejected')({ tx })
      throw new Error('declined')
    })
    await expect(admission).rejects.toThrow('declined')
    for (const tx of kept) {
      await expect(effectOf('rejected')({ tx })).rejects.toMatchObject({
        code: 'postgres-transaction-over',
      })
    }
    expect(await opened.countEffects('rejected')).toBe(0)
  })

  it('rolls back after statements that a handler left running when it rejected', async () => {
    const { inbox } = opened.open()
    const left: Promise<unknown>[] = []
    const admission = inbox.admit('left running', ({ tx }) => {
      left.push(effectOf('left running')({ tx }), effectOf('left running')({ tx }))
      return Promise.reject(new Error('declined'))
    })
    await expect(admission).rejects.toThrow('declined')
    await Promise.all(left)
    expect(await opened.countEffects('left running')).toBe(0)
  })

  it('accepts streams and cursors: any object with a `submit`', async () => {
    const { inbox } = opened.open()
    const seen: string[] = []
    await inbox.admit('submitted', async ({ tx }) => {
      // The least that pg submits: it sends a statement and gets its end.
      const done = Promise.withResolvers<void>()
      const output = new PassThrough()
      output.on('data', (bytes) => seen.push(String(bytes)))
      const submitted = {
        submit: (connection: { query(text: string): void }) => {
          connection.query(`insert into effects values ('submitted')`)
        },
        handleRowDescription() {},
        handleDataRow() {},
        handleCommandComplete: () => output.write('complete'),
        handleReadyForQuery: () => done.resolve(),
        handleError: done.reject,
      }
      expect(tx.query(submitted)).toBe(submitted)
      await done.promise
    })
    expect(seen).toEqual(['complete'])
    expect(await opened.countEffects('submitted')).toBe(1)
  })
})

describe('a statement that `tx` refuses', () => {
  type Callback = (error: Error | null) => void

  /** In forms that its types do not have. */
  function query(tx: PoolClient, ...args: unknown[]): unknown {
    return (tx as { query(...args: unknown[]): unknown }).query(...args)
  }

  const WITH_CALLBACK: readonly [string, (tx: PoolClient, told: Callback) => unknown][] = [
    ['a text', (tx, told) => query(tx, 'commit', told)],
    ['a text with values', (tx, told) => query(tx, 'commit', [], told)],
    ['an object', (tx, told) => query(tx, { text: 'commit' }, told)],
    ['an object with values', (tx, told) => query(tx, { text: 'commit' }, [], told)],
    ['an object that has it', (tx, callback) => query(tx, { text: 'commit', callback })],
  ]

  it.each(WITH_CALLBACK)(
    'calls its callback with the error, and returns no promise: %s',
    async (name, run) => {
      const { inbox } = opened.open()
      const kept: PoolClient[] = []
      const told = async (tx: PoolClient): Promise<Error | null> =>
        await new Promise((resolve) => {
          let hasReturned = false
          const given = run(tx, (error) => {
            expect(hasReturned).toBe(true)
            resolve(error)
          })
          hasReturned = true
          expect(given).toBeUndefined()
        })
      const admission = inbox.admit(`told: ${name}`, async ({ tx }) => {
        kept.push(tx)
        expect(await told(tx)).toMatchObject({ code: 'postgres-transaction-control' })
      })
      expect(await admission).toBe('applied')
      for (const tx of kept)
        expect(await told(tx)).toMatchObject({ code: 'postgres-transaction-over' })
    },
  )

  const SUBMITTED: readonly [string, (tx: PoolClient, told: Callback) => [unknown, unknown]][] = [
    [
      'by its event',
      (tx, told) => {
        const submitted = new Query('commit').on('error', told)
        return [submitted, query(tx, submitted)]
      },
    ],
    [
      'by the callback that came with it',
      (tx, told) => {
        const submitted = new Query('commit')
        return [submitted, query(tx, submitted, told)]
      },
    ],
    [
      'by its own callback',
      (tx, told) => {
        const submitted = Object.assign(new Query('commit'), { callback: told })
        return [submitted, query(tx, submitted)]
      },
    ],
    [
      'by its `handleError`',
      (tx, told) => {
        const submitted = { text: 'commit', submit() {}, handleError: told }
        return [submitted, query(tx, submitted)]
      },
    ],
  ]

  it.each(SUBMITTED)('passes the error to the submitted object: %s', async (name, submit) => {
    const { inbox } = opened.open()
    const kept: PoolClient[] = []
    const told = async (tx: PoolClient): Promise<Error | null> =>
      await new Promise((resolve) => {
        const [submitted, given] = submit(tx, resolve)
        expect(given).toBe(submitted)
      })
    const admission = inbox.admit(`submitted: ${name}`, async ({ tx }) => {
      kept.push(tx)
      expect(await told(tx)).toMatchObject({ code: 'postgres-transaction-control' })
    })
    expect(await admission).toBe('applied')
    for (const tx of kept)
      expect(await told(tx)).toMatchObject({ code: 'postgres-transaction-over' })
  })
})
