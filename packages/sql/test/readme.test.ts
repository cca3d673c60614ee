import type { Webhooks } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { codeBlocks, tables } from '../../../test/docs/markdown.ts'
import { hasMariadb } from '../../../test/servers/mariadb.ts'
import { MESSAGES } from '../src/errors.ts'
import { sqlInbox, sqlSchema } from '../src/index.ts'
import { openSql, type Opened } from './opened.ts'

const README = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
const [MYSQL2 = '', PG = ''] = codeBlocks(README)
  .filter(({ language }) => language === 'ts')
  .map(({ text }) => text)
const directory = mkdtempSync(join(import.meta.dirname, '.snippets-'))
const keys = createTestKeys()

afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
  vi.unstubAllEnvs()
})

async function load(name: string, code: string): Promise<Webhooks<object>> {
  vi.stubEnv('PINGPP_PUBLIC_KEY', keys.publicKey)
  writeFileSync(join(directory, name), code)
  const module: unknown = await import(join(directory, name))
  return (module as { webhooks: Webhooks<object> }).webhooks
}

describe.skipIf(!hasMariadb)('the README, on MariaDB', () => {
  let opened: Opened

  beforeAll(async () => {
    opened = await openSql('mysql')
    vi.stubEnv('DATABASE_URL', opened.database.url)
    await opened.database.query('create table orders (order_no varchar(50), status text)')
  })

  afterAll(() => opened.close())

  it('shows a handler that commits the order with the key, and only advances it', async () => {
    const webhooks = await load('mysql2.ts', MYSQL2)
    const event = eventFixture('red_envelope.sent', { object: { order_no: '1' } })
    const deliver = () => webhooks.handle(signDelivery(event, keys).delivery())
    expect(await deliver()).toMatchObject({ outcome: 'failed', status: 500 })
    await opened.database.query(`insert into orders values ('1', 'sending')`)
    expect(await deliver()).toMatchObject({ outcome: 'handled', status: 200 })
    expect(await deliver()).toMatchObject({ outcome: 'duplicate', status: 200 })
    const rows = await opened.database.query('select status from orders')
    expect(rows).toEqual([{ status: 'sent' }])
  })

  it('shows how to query an event', async () => {
    const question = codeBlocks(README).find(({ text }) => text.includes('sha2('))?.text ?? ''
    const key = /sha2\('orders:(.*?)'/.exec(question)?.[1] ?? ''
    await opened.open().admit(key, async () => {})
    expect(await opened.database.query(question)).toHaveLength(1)
  })
})

describe('the README', () => {
  it('shows a sqlInbox that applies an event once', async () => {
    const opened = await openSql('postgres')
    vi.stubEnv('POSTGRES_URL', opened.database.url)
    // The pool of the sample writes down what it loses when the server closes.
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
    const webhooks = await load('pg.ts', PG)
    webhooks.on('red_envelope.sent', () => {})
    const delivery = () => signDelivery(event, keys).delivery()
    const event = eventFixture('red_envelope.sent')
    expect(await webhooks.handle(delivery())).toMatchObject({ outcome: 'handled' })
    expect(await webhooks.handle(delivery())).toMatchObject({ outcome: 'duplicate' })
    await opened.close()
    logged.mockRestore()
  })

  it('shows the actual schemas', () => {
    const shown = codeBlocks(README).map(({ text }) => text)
    expect(shown).toContain(sqlSchema({ dialect: 'mysql' }))
    expect(shown).toContain(sqlSchema({ dialect: 'postgres' }))
  })

  it('lists every option and every error code', () => {
    const cells = tables(README).map((rows) => rows.slice(1).map(([cell = '']) => cell))
    const named = cells.map(
      (column) => new Set(column.flatMap((cell) => cell.match(/(?<=`)[\w-]+(?=`)/g) ?? [])),
    )
    expect(named).toContainEqual(new Set(optionNames()))
    expect(named).toContainEqual(new Set(Object.keys(MESSAGES)))
  })
})

/** The options as the error for an unknown one lists them. */
function optionNames(): string[] {
  try {
    sqlInbox({ unknown: true } as never)
  } catch (error) {
    return /Valid options: (.*)\.$/.exec(String(error))?.[1]?.split(', ') ?? []
  }
  return []
}
