import type { Webhooks } from '@hongbao/core'
import { createTestKeys, eventFixture, signDelivery } from '@hongbao/core/testing'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { codeBlocks, tables } from '../../../test/docs/markdown.ts'
import { postgresInbox, schemaSql } from '../src/index.ts'
import { MESSAGES } from '../src/errors.ts'
import { openPostgres, type Opened } from './opened.ts'

const README = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
const ROOT = join(import.meta.dirname, '../../..')
// `test/docs` checks the types of the `ts` blocks of every package, but has no query builders.
const MODULES = codeBlocks(README).filter(({ language }) => /^(ts|typescript)$/.test(language))
const directory = mkdtempSync(join(import.meta.dirname, '.snippets-'))

let opened: Opened
const keys = createTestKeys()

beforeAll(async () => {
  opened = await openPostgres()
  vi.stubEnv('DATABASE_URL', opened.server.url)
  vi.stubEnv('PINGPP_PUBLIC_KEY', keys.publicKey)
  await opened.query('create table orders (order_no text primary key, status text)')
  for (const [index, { text }] of MODULES.entries()) {
    writeFileSync(join(directory, `module-${index}.ts`), text)
  }
})

afterAll(async () => {
  rmSync(directory, { recursive: true, force: true })
  await opened.close()
})

describe('the README', () => {
  it.each(MODULES.map(({ text }, index) => [text.match(/from '([\w-]+)/)?.[1], index] as const))(
    'shows a module that commits the order with the key, and only advances it: %s (%i) [E45]',
    async (_, index) => {
      const module: unknown = await import(join(directory, `module-${index}.ts`))
      const { webhooks } = module as { webhooks: Webhooks<object> }
      const event = eventFixture('red_envelope.sent', { object: { order_no: `${index}` } })
      const order = [`${index}`]
      const deliver = (sent = event) => webhooks.handle(signDelivery(sent, keys).delivery())
      const readStatus = async () =>
        (await opened.query('select status from orders where order_no = $1', order))[0]?.['status']

      // Before its order is there.
      expect(await deliver()).toMatchObject({ outcome: 'failed', status: 500 })
      await opened.query(`insert into orders values ($1, 'sending')`, order)
      expect(await deliver()).toMatchObject({ outcome: 'handled', status: 200 })
      expect(await deliver()).toMatchObject({ outcome: 'duplicate', status: 200 })
      expect(await readStatus()).toBe('sent')

      // Twice, though the inbox does not know it; and late.
      const again = () => eventFixture('red_envelope.sent', { object: { order_no: `${index}` } })
      expect(await deliver(again())).toMatchObject({ outcome: 'handled', status: 200 })
      expect(await readStatus()).toBe('sent')
      await opened.query(`update orders set status = 'received' where order_no = $1`, order)
      expect(await deliver(again())).toMatchObject({ outcome: 'handled', status: 200 })
      expect(await readStatus()).toBe('received')
    },
  )

  it('has the right types', { timeout: 60_000 }, () => {
    const settings = {
      extends: '../../../../tsconfig.base.json',
      // Things that a reader's project need not have: declarations of its own, and `env['NAME']`.
      compilerOptions: {
        declaration: false,
        isolatedDeclarations: false,
        noPropertyAccessFromIndexSignature: false,
      },
      include: ['./*.ts'],
    }
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(settings))
    const { stdout, status } = spawnSync(
      join(ROOT, 'node_modules/.bin/tsc'),
      ['-p', join(directory, 'tsconfig.json')],
      { encoding: 'utf8' },
    )
    expect({ stdout, status }).toEqual({ stdout: '', status: 0 })
  })

  it('shows the actual schema, and how to query an event', async () => {
    const [schema, question] = codeBlocks(README).filter(({ language }) => language === 'sql')
    expect(schema?.text).toBe(schemaSql())
    const key = /convert_to\('orders:(.*?)'/.exec(question?.text ?? '')?.[1] ?? ''
    const { pool } = opened.open()
    await postgresInbox({ pool, consumer: 'orders' }).admit(key, async () => {})
    expect(await opened.query(question?.text ?? '')).toHaveLength(1)
  })

  it('lists every option and every error code', () => {
    const cells = tables(README).map((rows) => rows.slice(1).map(([cell = '']) => cell))
    const named = cells.map((column) => column.flatMap((cell) => cell.match(/(?<=`)[\w-]+(?=`)/g)))
    expect(named).toContainEqual(optionNames())
    const codes = new Set(Object.keys(MESSAGES))
    expect(named.map((column) => new Set(column))).toContainEqual(codes)
  })
})

/** The options as the error for an unknown one lists them. */
function optionNames(): string[] {
  try {
    postgresInbox({ unknown: true } as never)
  } catch (error) {
    return /Valid options: (.*)\.$/.exec(String(error))?.[1]?.split(', ') ?? []
  }
  return []
}
